"""The audit of the simulated model_server: entries that others wrote; mirrors `Audit` and `ModelState.follow`."""

from collections.abc import Callable

from changeover.json_types import JsonObject
from model_server.ledger import takeover
from model_server.ledger.record import Rollout
from model_server.rollouts.pointer import LeasedPointer
from tests.simulation.events import Do, Process
from tests.simulation.store import Kept, Store

EVERY, SOON = 1.0, 0.05


class Audited(Process):
    """What is looked at: the parts of a model_server that its audit knows."""

    store: Store
    leased_pointer: LeasedPointer
    rollout: Rollout | None
    overtaken: Kept | None
    lease_ms: int
    saw: Callable[[str], None]

    def hasten(self) -> None:
        """Look at the rollout that prepares, soon."""

    def write_hint(self, hint: JsonObject, then: Do, failed: Do) -> None:
        """Overwrite the hint."""
        self.store.do(self, lambda: self.store.write_hint(hint), lambda _: then(), failed)


class Audit:
    """One life's looks for the next number in the ledger; a store that fails is no news."""

    def __init__(self, server: Audited) -> None:
        self._server = server

    def go_on(self) -> None:
        """The next look is a while from now."""
        self._server.after(EVERY, self._look)

    def _look(self) -> None:
        number = self._held()
        self._server.store.do(self._server, lambda: self._server.store.newer(number), self._looked, self.go_on)

    def _held(self) -> int:
        current = self._server.leased_pointer.pointer.current
        return current.sequence if current else 0

    def _looked(self, newer: Kept | None) -> None:
        server = self._server
        ours = newer is not None and server.rollout is not None and server.rollout.id == newer.id
        if newer is None or ours or self._held() >= newer.sequence:
            self.go_on()
            return
        server.saw("Overtaken")
        server.overtaken = newer
        server.leased_pointer.stop_granting()
        server.hasten()
        self._follow(newer)

    def _follow(self, newer: Kept) -> None:
        server = self._server
        if server.rollout is not None or not server.leased_pointer.follow(newer.current, server.now()):
            server.after(SOON, lambda: self._follow(newer))
            return
        server.overtaken = None
        server.saw("Followed")
        server.store.do(server, lambda: server.store.hint, lambda told: self._say(newer, told), self.go_on)

    def _say(self, newer: Kept, told: JsonObject) -> None:
        server = self._server
        found = takeover.take_over(told, newer.current, server.lease_ms)
        hint: JsonObject = {"sequence": newer.sequence, "lease_ms": max(found.lease_ms, server.lease_ms)}
        if found.wait:
            server.write_hint(hint, self.go_on, self.go_on)
        else:
            self.go_on()
