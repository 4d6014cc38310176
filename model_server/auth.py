"""Who may change something, and who may report: two bearer tokens, and networks from which nobody may change anything.

Carries "Calls that change something need `Authorization: Bearer <token>`" of the design.
"""

import hmac
from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from model_server.exceptions import Forbidden, Unauthenticated


class Right(Enum):
    """What a call needs."""

    CHANGE = "change"
    REPORT = "report"


class Gate:
    """Checks tokens in constant time, and addresses against the networks of replicas."""

    def __init__(self, publish_token: str, report_token: str, replica_networks: str = "") -> None:
        self._publish_token = publish_token.encode()
        self._report_token = report_token.encode()
        self._networks: Sequence[IPv4Network | IPv6Network] = [
            ip_network(text.strip()) for text in replica_networks.split(",") if text.strip()
        ]

    def check(self, right: Right, authorization: str | None, address: str | None) -> None:
        """Return if the call may be made; raises Unauthenticated or Forbidden."""
        if right is Right.CHANGE and self._is_a_replicas(address):
            raise Forbidden("replicas may read and report their state; publish and roll from elsewhere")
        scheme, _, token = (authorization or "").partition(" ")
        given = token.strip().encode()
        if scheme.lower() != "bearer" or not given:
            raise Unauthenticated("send Authorization: Bearer <token>; `changeover credentials` shows it")
        may_change = hmac.compare_digest(given, self._publish_token)
        may_report = hmac.compare_digest(given, self._report_token)
        if right is Right.CHANGE and may_report and not may_change:
            raise Forbidden("this token may only report a replica's state; publish and roll with the publish token")
        if not (may_change or (may_report and right is Right.REPORT)):
            raise Unauthenticated("the token is not the one this model_server was started with")

    def _is_a_replicas(self, address: str | None) -> bool:
        if not self._networks or not address:
            return False
        try:
            caller = ip_address(address)
        except ValueError:
            return False
        return any(caller in network for network in self._networks)
