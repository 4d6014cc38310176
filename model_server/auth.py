"""Access control of model_server: two bearer tokens, and networks from which no caller may change anything.

The publish token permits every call. The report token permits a replica to report its state and to read the versions
that it prepares. `docs/protocol.md` names the release from which on reads need a token.
"""

import hmac
from enum import Enum
from typing import Final

from changeover.process.log_events import event
from changeover.process.own_networks import Networks
from model_server.exceptions import Forbidden, Unauthenticated


class Right(Enum):
    """The right that a call needs: PREPARE reads what a replica prepares, READ reads anything else."""

    CHANGE = "change"
    REPORT = "report"
    READ = "read"
    PREPARE = "prepare"


_READS: Final = frozenset({Right.READ, Right.PREPARE})
_OF_REPLICAS: Final = frozenset({Right.REPORT, Right.PREPARE})


class Gate:
    """The check of a call's token (in constant time) and of its address against the networks of replicas."""

    def __init__(
        self, publish_token: str, report_token: str, replica_networks: str = "", *, anonymous_reads: bool = False
    ) -> None:
        """`anonymous_reads` permits reads without an Authorization header."""
        self._anonymous_reads = anonymous_reads
        self._warned = False
        self._publish_token = publish_token.encode()
        self._report_token = report_token.encode()
        self._networks = Networks(replica_networks)

    def check(self, right: Right, authorization: str | None, address: str | None) -> None:
        """Return if the call is permitted; raises Unauthenticated or Forbidden."""
        if right is Right.CHANGE and self._networks.contain(address):
            raise Forbidden("replicas may read and report their state; publish and roll from elsewhere")
        if authorization is None and right in _READS and self._anonymous_reads:
            self._warn(address)
            return
        scheme, _, token = (authorization or "").partition(" ")
        secret = token.strip().encode()
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated(
                "send Authorization: Bearer <token>; `changeover credentials` shows it, CHANGEOVER_TOKEN is for the CLI"
            )
        may_change = hmac.compare_digest(secret, self._publish_token)
        may_report = hmac.compare_digest(secret, self._report_token)
        if not (may_change or may_report):
            raise Unauthenticated("the token is not the one this model_server was started with")
        if not may_change and right not in _OF_REPLICAS:
            raise Forbidden(
                "this token may only report a replica's state and read what a replica prepares; use the publish token"
            )

    def permits(self, right: Right, authorization: str | None, address: str | None) -> bool:
        """Whether the call is permitted."""
        try:
            self.check(right, authorization, address)
        except (Unauthenticated, Forbidden):
            return False
        return True

    def _warn(self, address: str | None) -> None:
        """Log the first read without a token. If this event never comes, the operator can drop the setting."""
        if not self._warned:
            self._warned = True
            event("reads.anonymous", level="warning", address=address, setting="ALLOW_ANONYMOUS_READS")
