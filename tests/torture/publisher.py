"""The operator of the torture: it publishes, rolls and rolls back without a break, and records the responses.

A call without a response is `unknown`: it may have succeeded, and the ledger decides at the end. Refusals that change
nothing (another rollout under way, the store away) are no rollouts, and are only counted.
"""

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

import requests

from changeover.consistency.records import UNKNOWN, Publish, Rollout
from changeover.json_types import JsonObject
from changeover.process.clock import now
from changeover.protocol.wire import RolloutState, VersionState
from tests.conftest import wait_until
from tests.processes.model_server import PUBLISH_TOKEN
from tests.torture.models import Reel, Reels, no_model

ROLL_WAIT_S: Final = 12.0
TIMEOUT_S: Final = 16.0
_HEADERS: Final = {"Authorization": f"Bearer {PUBLISH_TOKEN}"}


class Operator:
    """A client that publishes, rolls and rolls back `model`; `counts` has the number of each result."""

    def __init__(
        self, server_url: str, model: str, reels: Reels, seed: int, record: Callable[[Publish | Rollout], None]
    ) -> None:
        self._base = f"{server_url}/models/{model}"
        self._model, self._reels, self._record = model, reels, record
        self._random = random.Random(f"{seed}/operator")
        self._admitted: list[str] = []
        self._answered = True  # whether the last call had a response
        self.counts: Counter[str] = Counter()

    def run(self, over: threading.Event) -> None:
        """Make calls until `over`."""
        while not over.wait(0.0 if self._answered else 0.5) and not over.wait(self._random.uniform(0.0, 1.0)):
            act = self._random.choices(["publish and roll", "roll", "roll back", "no model"], [5, 3, 3, 1])[0]
            if act == "publish and roll":
                reel = self._reels.make()
                if self.publish(reel) == VersionState.ADMITTED and not over.is_set():
                    self.roll(reel.version)
            elif act == "roll" and self._admitted:
                self.roll(self._random.choice(self._admitted))
            elif act == "roll back":
                self._ask_to_roll("/rollback", {})
            else:
                content = no_model(self._random)
                self._publish(content, hashlib.sha256(content).hexdigest())

    def roll_a_new_one(self) -> None:
        """Make a new version current while no failure is injected; on a busy machine a call may have no response in time."""
        reel = self._reels.make()
        wait_until(lambda: self.publish(reel) == VersionState.ADMITTED, 30, "the version is admitted")
        wait_until(lambda: self.roll(reel.version) == RolloutState.COMMITTED, 30, "the version is current")

    def publish(self, reel: Reel) -> str:
        """Publish, sometimes twice if the first call has no response; the state of the version."""
        state = self._publish(reel.artifact, reel.version)
        if state == UNKNOWN and self._random.random() < 0.5:
            state = self._publish(reel.artifact, reel.version)
        if state == VersionState.ADMITTED:
            self._admitted.append(reel.version)
        return state

    def roll(self, version: str) -> str:
        """Roll; the state of the rollout."""
        return self._ask_to_roll("/rollouts", {"version": version})

    def _publish(self, artifact: bytes, version: str) -> str:
        began = now()
        status, body = self._post("/versions", data=artifact, headers={"Content-Type": "application/octet-stream"})
        state = {200: VersionState.ADMITTED, 201: VersionState.ADMITTED, 422: VersionState.REJECTED}.get(
            status, UNKNOWN
        )
        acknowledged = body.get("version") if state == VersionState.ADMITTED else version
        assert acknowledged == version, f"published {version}, and {acknowledged} was acknowledged"
        self.counts[f"publish {state}"] += 1
        self._record(Publish(model=self._model, version=version, state=state, start=began, end=now()))
        return state

    def _ask_to_roll(self, path: str, wanted: dict[str, str]) -> str:
        began = now()
        wait = {"wait": str(ROLL_WAIT_S)}
        status, body = self._post(path, json={**wanted, "reason": "torture"}, params=wait)
        if 400 <= status < 600:
            self.counts[f"roll refused with {status}"] += 1
            return "refused"
        ended = body.get("state")
        state = ended if ended in {RolloutState.COMMITTED, RolloutState.ABORTED} else UNKNOWN
        self.counts[f"roll {state}"] += 1
        version, sequence = body.get("version", wanted.get("version")), body.get("sequence")
        if isinstance(version, str):
            self._record(
                Rollout(
                    model=self._model,
                    sequence=sequence if isinstance(sequence, int) else None,
                    version=version,
                    state=str(state),
                    start=began,
                    end=now(),
                )
            )
        return str(state)

    def _post(self, path: str, *, headers: dict[str, str] | None = None, **more: object) -> tuple[int, JsonObject]:
        """The status and the body; status 0 without a response."""
        try:
            answer = requests.post(
                self._base + path,
                headers={**_HEADERS, **(headers or {})},
                timeout=TIMEOUT_S,
                **more,  # type: ignore[arg-type]
            )
            body = answer.json()
        except (requests.RequestException, ValueError):
            self._answered = False
            return 0, {}
        self._answered = True
        return answer.status_code, body if isinstance(body, dict) else {}
