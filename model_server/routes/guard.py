"""The guard of routes: the caller of the request that this thread processes, and the role that a route needs."""

from flask import Request, g, request

from changeover.protocol.roles import Role
from model_server.access.caller import Caller, Via
from model_server.access.gate import Gate
from model_server.exceptions import Forbidden, Unauthenticated


class Guard:
    """The check of callers by a `gate`. A route calls one of the `needs...` functions first."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def caller_of(self, request: Request) -> Caller:
        """The caller of `request`; raises Unauthenticated."""
        known: Caller | None = g.get("caller")
        if known is None:
            known = self._gate.caller(request.headers.get("Authorization"), request.remote_addr)
            g.caller = known
        return known

    def needs(self, role: Role) -> Caller:
        """The caller of this request, if it has `role`; raises Unauthenticated or Forbidden."""
        caller = self.caller_of(request)
        self._gate.check(caller, role, request.remote_addr)
        return caller

    def needs_preparation(self) -> Caller:
        """The caller, if it may read what a replica prepares: a replica, or the role read."""
        caller = self.caller_of(request)
        self._gate.check(caller, Role.READ, request.remote_addr, replicas=True)
        return caller

    def needs_report(self) -> Caller:
        """The caller, if it may report the state of a replica: a replica, or the role admin."""
        caller = self.caller_of(request)
        self._gate.check_report(caller)
        return caller

    def known_reader(self) -> Caller | None:
        """The caller if it has proved its name and the role read, else None; raises nothing."""
        try:
            caller = self.needs(Role.READ)
        except (Unauthenticated, Forbidden):
            return None
        return None if caller.via is Via.NOTHING else caller
