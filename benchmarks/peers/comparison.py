"""The servers under comparison: their environments, their trained models, their start and a check of their answers."""

import json
import os
import shutil
import sys
import time
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.environments import CannotPrepare, Environment, install, prepare, run, versions
from benchmarks.peers.ours import ROOT
from benchmarks.peers.peer import Peer, Setup
from benchmarks.peers.roster import environment_of
from benchmarks.peers.serving import Serving, post
from tests.conftest import port_that_is_free

WITHIN: Final = 1e-9  # between a served probability and the pipeline's own
TRAINING_SECONDS: Final = 300.0
PINNED: Final = ("scikit-learn>=1.9,<1.10", "pandas>=3.0,<4", "numpy>=2.3,<3", "joblib>=1.6,<2")
UNPINNED: Final = ("scikit-learn", "pandas", "numpy", "joblib")


@dataclass
class Served:
    """One server of one model: its request body, and its versions and notes for the table."""

    peer: Peer
    serving: Serving
    body: Path
    versions: str
    notes: list[str] = field(default_factory=list)


@dataclass
class Comparison:
    """All servers under comparison; `absent` has the reason for each one that could not be set up."""

    home: Path
    workers: int
    python: str
    absent: dict[str, str] = field(default_factory=dict)  # peer or model/peer -> why
    environments: dict[str, Environment] = field(default_factory=dict)

    def prepare(self, peers: list[Peer]) -> None:
        """Make the environments of all peers; a peer whose environment fails is absent."""
        for peer in peers:
            name = environment_of(peer)
            if not peer.requirements:
                self.environments[name] = Environment(Path(sys.executable), versions(Path(sys.executable)), 0.0, 0)
            elif name not in self.environments and name not in self.absent:
                self._make(name, peer)
            if name in self.absent:
                self.absent[peer.key] = self.absent[name]

    def _make(self, name: str, peer: Peer) -> None:
        reasons = []
        for libraries in (
            PINNED,
            UNPINNED,
        ):  # if our versions conflict, the peer gets its own, and trains the model there
            try:
                made = prepare(name, (*peer.requirements, *libraries), self.home, self.python)
            except CannotPrepare as error:
                reasons.append(str(error))
                continue
            self.environments[name] = made
            if made.seconds:
                print(f"{name}: {made.seconds:.0f} s, {made.megabytes} MB", file=sys.stderr, flush=True)
            return
        self.absent[name] = reasons[0]

    def files(self, model: str, environment: str = "") -> Path:
        """The folder of a trained model; this Python, or that of an environment, trains it once. Raises CannotPrepare."""
        made = self.environments.get(environment)
        folder = self.home / "models" / (environment or "ours")
        this_python, log = Path(sys.executable), self.home / "logs" / f"train-{environment or 'ours'}-{model}.log"
        with suppress(OSError, ValueError):
            probe = json.loads((folder / model / "probe.json").read_text(encoding="utf-8"))
            if probe["scikit_learn"] == (made.versions if made else versions(this_python))["scikit-learn"]:
                return folder / model
        if made:  # the trainer imports Changeover and needs its dependencies
            project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
            install(made.python, project["dependencies"], log)
        command = [str(made.python if made else this_python), "-m", "benchmarks.peers.models", "--out", str(folder)]
        run([*command, "--model", model], log, TRAINING_SECONDS, {**os.environ, "PYTHONPATH": str(ROOT)})
        return folder / model

    def start(self, peer: Peer, model: str) -> Served | None:
        """Start a server and check its answers; None if that fails, with the reason in `absent`."""
        if peer.key in self.absent:
            return None
        where = f"{model}/{peer.key}"
        port = port_that_is_free()
        serving = Serving(f"http://127.0.0.1:{port}{peer.path}", self.home / "logs" / f"{model}-{peer.key}.log")
        serving.log.unlink(missing_ok=True)
        began = time.monotonic()
        try:
            served = self._started(peer, model, serving, port)
        except CannotPrepare as error:
            serving.stop()
            self.absent[where] = str(error)
            print(f"{where}: NOT MEASURED: {error}", file=sys.stderr, flush=True)
            return None
        except BaseException:
            serving.stop()
            raise
        print(f"{where}: answers after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return served

    def _started(self, peer: Peer, model: str, serving: Serving, port: int) -> Served:
        environment = self.environments[environment_of(peer)]
        ours = versions(Path(sys.executable))["scikit-learn"]
        own_model = bool(peer.requirements) and environment.versions.get("scikit-learn") != ours
        files = self.files(model, environment_of(peer) if own_model else "")
        work = self.home / "work" / model / peer.key
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        probe = json.loads((files / "probe.json").read_text(encoding="utf-8"))
        rows = probe["raw" if peer.raw else "typed"]
        body = work / "body.json"
        body.write_text(json.dumps(peer.body(rows[0])), encoding="utf-8")
        peer.start(
            serving,
            Setup(model, files, work, (port, port_that_is_free(), port_that_is_free()), self.workers, environment),
        )
        serving.wait(body.read_bytes())
        shown = " ".join(f"{name} {environment.versions.get(name, '?')}" for name in peer.shown)
        served = Served(peer, serving, body, shown)
        if own_model:
            served.notes.append(f"scikit-learn {environment.versions['scikit-learn']}, trained there")
        prove(served, rows, probe["predict_proba"])
        return served


def prove(served: Served, rows: list[dict[str, Any]], expected: list[list[float]]) -> None:
    """Send every row, and compare the answer with the probabilities of the pipeline. Raises CannotPrepare."""
    peer = served.peer
    for position, (row, wanted) in enumerate(zip(rows, expected, strict=True)):
        try:
            response, headers = post(served.serving.url, json.dumps(peer.body(row)).encode())
            probabilities = peer.answer(response)
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise CannotPrepare(
                f"row {position}: no answer to compare: {error!r} (see {served.serving.log})"
            ) from error
        if probabilities is None:
            continue
        if (
            len(probabilities) != len(wanted)
            or max(abs(a - b) for a, b in zip(probabilities, wanted, strict=True)) > WITHIN
        ):
            raise CannotPrepare(f"row {position}: answers {probabilities}, the pipeline itself {wanted}")
        if (runtime := headers.get("Model-Runtime")) and runtime not in served.notes:
            served.notes.append(runtime)
