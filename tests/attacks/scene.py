"""A stack under attack: it is started once, and again after an attack that succeeded."""

import contextlib
import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from changeover.json_types import JsonObject
from tests.attacks import watch
from tests.attacks.attack import QUIET, Attack, Target
from tests.forged_models import dumped
from tests.processes import up

SECONDS = 8.0  # of SCORE_TIMEOUT, one more, and what a busy machine adds: a caller has an answer by then
TAKEN_SECONDS = 20.0  # a worker that has not taken a version by then refuses it
AT_ONCE = 36  # attacks on one stack
SETTINGS = {
    "DEFAULT_MODEL": "good",
    "SCORE_TIMEOUT": "3",
    "RUNNER_MEMORY_BYTES": str(2 << 30),
    "ADMISSION_TIMEOUT": "30",
    "ADMISSION_MEMORY_BYTES": str(4 << 30),
}
_X = np.random.default_rng(1).random((30, 3))


def _good() -> dict[str, bytes]:
    """One model that an ONNX twin answers for, and one that has no twin."""
    linear = LinearRegression().fit(_X, _X.sum(axis=1))
    alone = make_pipeline(FunctionTransformer(np.cbrt), LinearRegression()).fit(_X, _X.sum(axis=1))
    return {"good": dumped(linear), "alone": dumped(alone)}


@dataclass
class Outcome:
    """What came of one attack: why the artifact was refused, or the answers to its requests."""

    refused: str
    statuses: list[int]
    answers: list[str]
    types: list[str]
    faults: list[str]


class Scene:
    """The stack, the good models and their callers, the canaries, and the attacks."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        token = secrets.token_hex(3)
        self.secrets = {f"secret-{secrets.token_hex(8)}" for _ in range(2)}
        in_environment, in_file = sorted(self.secrets)
        self._settings = SETTINGS | {"ATTACK_SECRET": in_environment} | settings
        canary, home = folder / "canary", folder / "home"
        canary.mkdir()
        secret_file = folder / "secret"
        secret_file.write_text(in_file, encoding="utf-8")
        self.listener = watch.Listener(folder)
        self.target = Target(canary, home, self.listener.port, self.listener.address, secret_file, token)
        self._text_of_file = in_file
        self._stack: up.RunningStack | None = None
        self._count = self._starts = 0

    def close(self) -> None:
        """End the stack, and what attacks left."""
        self._end()
        self.listener.close()

    def _end(self) -> None:
        if self._stack is not None:
            family = self._stack.processes() if self._stack.process.poll() is None else []
            with contextlib.suppress(Exception):
                self._stack.process.kill()
                self._stack.process.wait(10)
            for process in [*family, *watch.marked_processes(self.target)]:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            self._stack = None
        for path in watch.marked_files(self.target):
            _remove(path)
        self.target.secret_file.write_text(self._text_of_file, encoding="utf-8")

    def stack(self) -> up.RunningStack:
        """The running stack with its good models, started if there is none."""
        if self._stack is None:
            self._starts += 1
            self.target = replace(self.target, home=self.folder / f"home-{self._starts}")
            self._stack = up.launch(self.target.home, self._settings)
            for model, artifact in _good().items():
                version = self._publish(model, artifact, {"columns": _columns("abc")}).json()["version"]
                assert self._roll(model, version).status_code in (200, 201, 202)
                self._stack.wait_until_held(model, version)
        return self._stack

    def _publish(
        self, model: str, artifact: bytes, schema: JsonObject, row: JsonObject | None = None
    ) -> requests.Response:
        described = self.stack().described
        manifest = {"schema": schema, "golden": {"rows": [row or QUIET]}}
        parts = {"manifest": (None, json.dumps(manifest), "application/json"), "artifact": ("model.joblib", artifact)}
        address = f"{described.server_url}/models/{model}/versions"
        return requests.post(address, files=parts, headers=_token(described.token), timeout=90)

    def _roll(self, model: str, version: str) -> requests.Response:
        described = self.stack().described
        body = {"version": version, "reason": "an attack"}
        address = f"{described.server_url}/models/{model}/rollouts?wait=30"
        return requests.post(address, json=body, headers=_token(described.token), timeout=60)

    def _predict(self, model: str, body: object) -> requests.Response:
        url = self.stack().described.predict_urls[0]
        return requests.post(f"{url}/models/{model}/predict", json=body, timeout=SECONDS)

    def run(self, attack: Attack) -> Outcome:
        """Publish, roll and call the artifact while good callers call; report every fault that is seen."""
        if self._count and self._count % AT_ONCE == 0:
            self._end()  # each model of a stack costs freshness checks, and the next attacks want the processor
        stack = self.stack()
        artifact = attack.build(self.target)
        expected = {model: self._predict(model, QUIET).json()["prediction"] for model in ("good", "alone")}
        before = watch.listening(stack.processes())
        ports = watch.ports(list(before.values()))
        sizes = {pid: watch.size(pid) for pid in before}
        ranges = watch.mappings(list(before))
        callers = watch.GoodCallers(lambda model: self._predict(model, QUIET), expected)
        callers.start()
        outcome = Outcome("", [], [], [], [])
        try:
            self._attack(attack, artifact, outcome)
            enough = {model: count + 3 for model, count in callers.answered.items()}
            _within(SECONDS, lambda: all(callers.answered[m] >= n for m, n in enough.items()))
        finally:
            callers.stop()
        outcome.faults += sorted({f"a good model: {failure}" for failure in callers.failures})[:5]
        with contextlib.suppress(psutil.Error):
            new = watch.ports(stack.processes()) - ports
            outcome.faults += [f"a new port is listened on: {port}" for port in new]
        outcome.faults += self._seen(outcome, before, sizes, ranges)
        if outcome.faults:
            self._end()
        return outcome

    def _attack(self, attack: Attack, artifact: bytes, outcome: Outcome) -> None:
        self._count += 1
        model = f"attack-{self._count}"
        response = self._publish(model, artifact, attack.schema, attack.quiet)
        if response.status_code != 201:
            outcome.refused, known = response.text[:400], response.status_code in (413, 422)
            outcome.answers.append(response.text)
            if not known:
                outcome.faults.append(f"publish was answered {response.status_code}: {response.text[:200]}")
            return
        rolled = self._roll(model, response.json()["version"])
        outcome.answers.append(rolled.text)
        if rolled.json().get("state") != "committed":
            outcome.refused = rolled.text[:400]
            if rolled.json().get("state") != "aborted":
                outcome.faults.append("the rollout did not end")
            return
        # the first rollout of a model ends before the workers have the version
        taken = _within(
            TAKEN_SECONDS, lambda: self._predict(model, attack.quiet).status_code != HTTPStatus.SERVICE_UNAVAILABLE
        )
        if not taken:
            outcome.refused = "no worker took the version"
            return
        for body in (attack.quiet, attack.quiet, *attack.requests):
            try:
                answer = self._predict(model, body)
            except requests.RequestException as error:
                outcome.faults.append(f"no answer: {type(error).__name__}")
                break
            outcome.statuses.append(answer.status_code)
            outcome.answers.append(answer.text)
            outcome.types.append(_type_of(answer))
        if attack.ends and outcome.types and outcome.types[-1] not in attack.ends:
            outcome.faults.append(
                f"the last answer is {outcome.statuses[-1]} {outcome.types[-1]!r}, not one of {attack.ends}"
            )

    def _seen(
        self,
        outcome: Outcome,
        before: dict[int, psutil.Process],
        sizes: dict[int, watch.Size],
        ranges: list[tuple[int, int]],
    ) -> list[str]:
        """Every trace of the attack outside its own process."""
        faults = [f"a file appeared: {path.name}" for path in watch.marked_files(self.target)]
        started = watch.marked_processes(self.target)
        faults += [f"{len(started)} processes started, the first: {started[0]}"] if started else []
        faults += ["a connection was made"] * min(self.listener.calls(), 1)
        if not self.target.secret_file.is_file() or self.target.secret_file.read_text("utf-8") != self._text_of_file:
            faults.append("a file of the test was changed")
        faults += [f"a listening process ended: {p}" for p in before.values() if not watch.lives(p)]
        for pid, size in sizes.items():
            now = watch.size(pid)
            if now.memory - size.memory > watch.GROWTH:
                faults.append(f"a listening process grew by {(now.memory - size.memory) >> 20} MiB")
            if now.threads - size.threads > watch.THREADS:
                faults.append(f"a listening process has {now.threads - size.threads} more threads")
        for answer in outcome.answers:
            spellings = watch.spelt(answer[: 1 << 22])
            for secret in self._secrets():
                if any(secret.encode() in spelling for spelling in spellings):
                    faults.append("an answer tells a secret")
            if watch.addresses_in(spellings, ranges):
                faults.append("an answer tells an address of a listening process")
            if "root:x:0" in answer:
                faults.append("an answer tells /etc/passwd")
        return list(dict.fromkeys(faults))

    def _secrets(self) -> set[str]:
        found = set(self.secrets)
        with contextlib.suppress(Exception):
            described = self.stack().described
            found |= {described.token, described.secret_key, described.access_key}
        return {secret for secret in found if len(secret) > 8}


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether `condition` comes true before `seconds` have passed."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (holds := _safely(condition)) and time.monotonic() < deadline:
        pause.wait(0.05)
    return holds


def _safely(condition: Callable[[], bool]) -> bool:
    with contextlib.suppress(requests.RequestException):
        return condition()
    return False


def _columns(names: str) -> list[Any]:
    return [{"name": name, "type": "number", "nullable": False} for name in names]


def _token(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _type_of(response: requests.Response) -> str:
    """The last part of a problem's type, or nothing."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(response.json().get("type", "")).rpartition("/")[2].rpartition(":")[2]
    return ""


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
