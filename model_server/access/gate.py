"""The decision about a call: which caller its token names, and whether that caller's role permits it.

`docs/protocol.md`, "What model_server accepts", has the role of each call.
"""

import hmac

from changeover.process.log_events import event
from changeover.process.own_networks import Networks
from changeover.protocol.roles import Role
from model_server.access.caller import ANONYMOUS, REPLICA, Caller, Via
from model_server.access.tokens import Tokens
from model_server.exceptions import Forbidden, Unauthenticated


def bearer_token(authorization: str | None) -> str:
    """The token in the header `Authorization: Bearer <token>`, an empty string for any other."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Gate:
    """The check of a call's token (in constant time), of its role, and of its address against the replicas' networks."""

    def __init__(
        self, tokens: Tokens, report_token: str, replica_networks: str = "", *, anonymous_reads: bool = False
    ) -> None:
        """`anonymous_reads` permits reads without an Authorization header."""
        self._anonymous_reads = anonymous_reads
        self._warned = False
        self._tokens = tokens
        self._report_token = report_token.encode()
        self._networks = Networks(replica_networks)

    def caller(self, authorization: str | None) -> Caller:
        """The caller by its bearer token; raises Unauthenticated."""
        if authorization is None and self._anonymous_reads:
            return ANONYMOUS
        token = bearer_token(authorization)
        secret = token.encode()
        if not secret:
            raise Unauthenticated(
                "send Authorization: Bearer <token>; `changeover credentials` shows it, CHANGEOVER_TOKEN is for the CLI"
            )
        try:
            named = self._tokens.find(token)
        except Unauthenticated:
            if hmac.compare_digest(secret, self._report_token):
                return REPLICA
            raise
        return Caller(named.name, named.role, models=named.models)

    def check(self, caller: Caller, role: Role, address: str | None, *, replicas: bool = False) -> None:
        """Return if `caller` may do what needs `role`, or is a replica where `replicas` may do it, too.

        Raises Unauthenticated for a change without a token, and Forbidden.
        """
        if role > Role.READ and self._networks.contain(address):
            raise Forbidden("replicas may read and report their state; publish and roll from elsewhere", role)
        if caller.via is Via.NOTHING and role > Role.READ:
            raise Unauthenticated(f"this call needs a token with the role {role.word!r}, or one above it")
        if caller.via is Via.NOTHING:
            self._warn(address)
        if caller.via is Via.REPORT and replicas:
            return
        if caller.via is Via.REPORT:
            raise Forbidden(
                f"this token may only report a replica's state and read what a replica prepares; use one with the role "
                f"{role.word!r}",
                role,
            )
        if not caller.may(role):
            has = f"has the role {caller.role.word!r}" if caller.role else "has no role"
            raise Forbidden(
                f"{caller.name!r} {has}, this call needs {role.word!r}: ask an operator of this model_server", role
            )

    def check_model(self, caller: Caller, model: str | None, *, selects: bool = False) -> None:
        """Return if `caller` may use `model`, None for a call about all models; raises Forbidden.

        A caller that is limited to models may make no call about all of them, unless that call `selects` its models.
        """
        if not caller.models or selects or (model is not None and model in caller.models):
            return
        listed = sorted(caller.models)
        what = f"not {model!r}" if model is not None else "and this call is about all models"
        raise Forbidden(f"{caller.name!r} may use {', '.join(listed)} alone, {what}", models=listed)

    def check_report(self, caller: Caller) -> None:
        """Return if `caller` may report the state of a replica; raises Unauthenticated or Forbidden."""
        if caller.via is Via.NOTHING:
            raise Unauthenticated("the report of a replica needs the report token")
        if caller.via is not Via.REPORT and (caller.models or not caller.may(Role.ADMIN)):
            raise Forbidden(f"{caller.name!r} may not report the state of a replica: use the report token", Role.ADMIN)

    def _warn(self, address: str | None) -> None:
        """Log the first read without a token. If this event never comes, the operator can drop the setting."""
        if not self._warned:
            self._warned = True
            event("reads.anonymous", level="warning", address=address, setting="ALLOW_ANONYMOUS_READS")
