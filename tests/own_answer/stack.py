"""A store, a model_server and two predict_api, one of which never uses a twin; and models published to them."""

import io
import itertools
import json
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import joblib
import requests

from changeover.artifact import allowed_globals
from changeover.client.client import Client
from changeover.environments.environment import Stored, default_environment, write_environment
from changeover.exceptions import ChangeoverError, ServiceRefused
from changeover.protocol.wire import MODEL_RUNTIME, MODEL_VERSION
from tests.conftest import wait_until
from tests.own_answer import own_steps
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.tree import ROOT

_SECONDS = 60
_OVERLOADED = 503


class Refused(Exception):
    """A publish or a roll that was refused; the message is the reason."""


@dataclass(frozen=True)
class Served:
    """A version that both predict_api serve, and its manifest."""

    name: str
    manifest: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return [str(column["name"]) for column in self.manifest["schema"]["columns"]]

    @property
    def warnings(self) -> str:
        """All sentences for people in the manifest."""
        return "\n".join(self.manifest["warnings"])


@dataclass(frozen=True)
class Answer:
    """A response: its status, its body, and the runtime that computed it."""

    status: int
    body: Any
    runtime: str


class AnswerStack:
    """Publishes models under names that are free again after `served`; for any number of threads.

    The first rollout of a model waits for replicas to discover it, so few names are used, one after the other.
    """

    def __init__(self, server: ModelServer, by_twin: PredictApi, by_estimator: PredictApi) -> None:
        self._server = server
        self.apis = {"twin": by_twin, "estimator": by_estimator}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._free: list[str] = []
        self._local = threading.local()

    @contextmanager
    def served(self, model: object, example: Any = None) -> Iterator[Served]:
        """Serve `model`, published with `example` or as bytes alone; raises Refused."""
        with self._lock:
            name = self._free.pop() if self._free else f"own-{next(self._numbers)}"
        try:
            yield self._serve(model, name, example)
        finally:
            with self._lock:
                self._free.append(name)

    def _serve(self, model: object, name: str, example: Any) -> Served:
        client = Client(self._server.url, token=PUBLISH_TOKEN)
        try:
            if example is None:
                version = self._publish_bytes(model, name)
            else:
                version = client.publish(model, name, example=example).version
            rollout = client.roll(version, model=name, reason="a test", allow_schema_change=True)
        except ServiceRefused as error:
            if error.status == HTTPStatus.CONFLICT:  # another case has the same bytes and another example
                return self._serve(model, f"own-{next(self._numbers)}", example)
            raise Refused(f"{type(error).__name__}: {error}") from error
        except ChangeoverError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        if rollout.get("state") != "committed":
            raise Refused(f"the rollout was aborted: {rollout}")
        for api in self.apis:
            wait_until(lambda api=api: self._version(api, name) == version, 20, f"{api} serves {name}")  # type: ignore[misc]
        return Served(name, client.manifest(version, name))

    def _publish_bytes(self, model: object, name: str) -> str:
        buffer = io.BytesIO()
        joblib.dump(model, buffer)
        response = self._server.publish(buffer.getvalue(), name)
        if response.status_code not in (200, 201):
            raise Refused(response.json()["detail"])
        return str(response.json()["version"])

    def _version(self, api: str, name: str) -> str | None:
        return self._post(api, name, []).headers.get(MODEL_VERSION)

    def _post(self, api: str, name: str, body: object) -> requests.Response:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        response: requests.Response = self._local.session.post(
            f"{self.apis[api].url}/models/{name}/predict", json=body, timeout=_SECONDS
        )
        return response

    def ask(self, api: str, name: str, body: object) -> Answer:
        """The response to `body`, which must be strict JSON; a request for which there was no room is sent again."""

        def responses() -> list[requests.Response]:  # a Response with an error is false
            received = self._post(api, name, body)
            return [] if received.status_code == _OVERLOADED else [received]

        (received,) = wait_until(responses, _SECONDS, f"room for a request for {name}")
        content = json.loads(received.content, parse_constant=_no_json)
        return Answer(received.status_code, content, received.headers.get(MODEL_RUNTIME, ""))


@contextmanager
def running_stack(store: Store, bucket: str, folder: Path) -> Iterator[AnswerStack]:
    """A stack on `store`, with an environment in which models may use the steps of the tests."""
    environments = {"ENVIRONMENTS_DIR": str(_environment_with_own_steps(folder / "environments").parent)}
    rolls = {"LEASE_MS": "0", "RUNTIME": "onnx", "ALLOW_SCHEMA_CHANGE": "true", **environments}
    settings = {"WORKERS": "1", "REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": "loan", **environments}
    with (
        ModelServer(store, bucket, folder / "server", rolls) as server,
        PredictApi(server.url, folder / "twin", **settings) as by_twin,
        PredictApi(server.url, folder / "estimator", **settings, RUNTIME="sklearn") as by_estimator,
    ):
        yield AnswerStack(server, by_twin, by_estimator)


def _environment_with_own_steps(directory: Path) -> Path:
    """An environment of the libraries that run these tests, whose models may also use `own_steps`."""
    folder = directory / "own"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site,) = (folder / "venv" / "lib").glob("python3*/site-packages")
    libraries = sysconfig.get_path("purelib")
    readable = (
        f"import site; site.PREFIXES.append({sys.prefix!r})"  # `site.getsitepackages` names them: they stay readable
    )
    (site / "libraries.pth").write_text(f"{libraries}\n{readable}\n", encoding="utf-8")
    own = Path(own_steps.__file__)
    package = site / own.parent.relative_to(ROOT)
    package.mkdir(parents=True)
    shutil.copy(own, package)
    shutil.copy(allowed_globals.FILE, folder / "allowed_globals.json")
    write_environment(
        folder,
        Stored(
            name="own",
            python="venv/bin/python",
            versions=default_environment().versions,
            roots=["tests"],
            allowed_globals="allowed_globals.json",
        ),
    )
    return folder


def _no_json(constant: str) -> object:
    raise AssertionError(f"{constant} is no JSON")
