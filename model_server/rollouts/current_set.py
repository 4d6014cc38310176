"""The current versions of all models as one response: the freshness check of a replica for all its models.

The response has one ETag, the SHA-256 of its body, and one lease. The lease holds for each model in it that is not
`fenced`. So a rollout fences its own model, and the replicas keep their leases on the others.

A lease on the set and a change of a pointer exclude each other by one lock. The latest end of the leases on the set is
one number. A model that stops granting takes it over (`LeasedPointer.stop_granting`), and later leases leave the model
out.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from changeover import digest
from changeover.protocol.lease import Granted
from changeover.protocol.wire import CurrentModel, CurrentModels
from model_server.rollouts.pointer import LeasedPointer

Names = tuple[str, ...]
_MOST_SELECTIONS: Final = 64  # responses that are kept, one for each selection of models that replicas ask for


@dataclass(frozen=True)
class SetResponse:
    """The body for a selection of models, and its ETag. It holds until a pointer changes, and before `valid_until`."""

    body: bytes
    etag: str
    leases: bool  # whether a lease may be granted on any of the models
    valid_until: float


class CurrentSet:
    """The pointers of all models. Thread-safe."""

    def __init__(self) -> None:
        self.granted = Granted()  # the leases on the set
        self._lock = threading.Lock()
        self._pointers: dict[str, LeasedPointer] = {}
        self._responses: dict[Names | None, SetResponse] = {}

    def add(self, name: str, pointer: LeasedPointer) -> None:
        """Add the pointer of a model."""
        with self.changing():
            self._pointers[name] = pointer

    @contextmanager
    def changing(self) -> Iterator[None]:
        """The lock under which pointers change; afterwards, responses are built again."""
        with self._lock:
            try:
                yield
            finally:
                self._responses.clear()

    def grant(self, names: Names | None, lease_ms: int, now: float) -> tuple[SetResponse, int]:
        """The response for these models (None: all), and the lease granted with it, in milliseconds."""
        with self._lock:
            if names is not None:
                names = tuple(name for name in names if name in self._pointers)  # other names take no memory
            response = self._responses.get(names)
            if response is None or now >= response.valid_until:
                if len(self._responses) >= _MOST_SELECTIONS:
                    self._responses.clear()
                response = self._responses[names] = self._response(names, now)
            if lease_ms == 0 or not response.leases:
                return response, 0
            self.granted = self.granted.grant(lease_ms / 1000, now)
            return response, lease_ms

    def _response(self, names: Names | None, now: float) -> SetResponse:
        models, leases, valid_until = {}, False, float("inf")
        for name in sorted(self._pointers if names is None else names):
            leased_pointer = self._pointers[name]
            current, next_version = leased_pointer.pointer.current, leased_pointer.pointer.next_version
            if current is None and next_version is None:
                continue
            fenced = not leased_pointer.grants(now)
            leases = leases or not fenced
            if now < leased_pointer.granting_from:
                valid_until = min(valid_until, leased_pointer.granting_from)
            models[name] = CurrentModel.of(
                current,
                next_version,
                fenced=fenced,
                rehearsal=leased_pointer.pointer.rehearsal,
                watch=leased_pointer.pointer.watch,
                seal=leased_pointer.pointer.seal,
            )
        body = CurrentModels(models).encode()
        return SetResponse(body, f'"{digest.sha256(body)}"', leases, valid_until)
