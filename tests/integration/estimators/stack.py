"""A stack that serves any estimator in one call: joblib bytes, publish, admission, roll, predictions over HTTP."""

import io
import itertools
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib

from changeover import digest
from changeover.client.client import Client
from tests.conftest import wait_until
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store

Rows = dict[str, Any] | list[dict[str, Any]]


def artifact(estimator: object) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


class EstimatorStack:
    """One store, one model_server, one predict_api, and a model for each served estimator.

    The first rollout of a model waits two seconds for replicas to discover it, and each model of a replica costs several
    calls a second. So models are used again: after a block of `names_returned`, the names of its models are free.
    """

    def __init__(self, server: ModelServer, api: PredictApi) -> None:
        self.server, self.api = server, api
        self._client = Client(server.url, token=PUBLISH_TOKEN)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._free: list[str] = []
        self._used: list[str] = []
        self._published: dict[str, set[str]] = {}  # name -> versions

    @contextmanager
    def names_returned(self) -> Iterator[None]:
        """Free the models of the block for other estimators after it."""
        before = len(self._used)
        yield
        with self._lock:
            self._free += self._used[before:]
            del self._used[before:]

    def _name(self, version: str) -> str:
        """A free model that never had `version`, because the manifest of a version is written only once."""
        with self._lock:
            name = next((name for name in self._free if version not in self._published[name]), None)
            if name is None:
                name = f"kind-{next(self._numbers)}"
            else:
                self._free.remove(name)
            self._used.append(name)
            self._published.setdefault(name, set()).add(version)
        return name

    def serve(self, estimator: object, example: Any = None) -> str:
        """The name of a model that serves `estimator`, published as raw bytes, or by the client with an example."""
        version = digest.sha256(artifact(estimator))
        name = self._name(version)
        if example is None:
            response = self.server.publish(artifact(estimator), name)
            assert response.status_code == 201, response.text
            assert response.json()["version"] == version
        else:
            version = self._client.publish(estimator, name, example=example).version
        rolled = self.server.roll(version, name)
        assert rolled.json().get("state") == "committed", rolled.text
        wait_until(lambda: self.post(name, []).status_code != 404, 10, f"predict_api knows {name}")
        return name

    def serve_all(self, estimators: Mapping[str, object]) -> dict[str, str]:
        """The names of models for all of `estimators`, rolled in parallel, because a rollout mostly waits."""
        with ThreadPoolExecutor(8) as pool:
            return dict(zip(estimators, pool.map(self.serve, estimators.values()), strict=True))

    def post(self, name: str, body: object) -> Any:
        return self.api.predict(body, f"/models/{name}/predict")

    def asked(self, name: str, body: object) -> dict[str, Any]:
        """The answer to `body` without its version; it must be strict JSON, and the version must be that of the header."""
        answer = self.post(name, body)
        assert answer.status_code == 200, answer.text
        body_read: dict[str, Any] = json.loads(answer.content, parse_constant=_no_json)
        assert body_read.pop("model_version") == answer.headers["Model-Version"]
        return body_read

    def ask(self, estimator: object, body: object, example: object | None = None) -> dict[str, Any]:
        return self.asked(self.serve(estimator, example), body)

    def labels(self, estimator: object, rows: Sequence[Mapping[Any, Any]], example: object | None = None) -> list[Any]:
        """The predictions for `rows`; each row sent alone must get the same one."""
        name = self.serve(estimator, example)
        batch = self.asked(name, rows)
        for row, answered in zip(rows, batch["predictions"], strict=True):
            single = self.asked(name, row)
            assert single["prediction"] == answered["prediction"]
            assert single.get("classes") == batch.get("classes")
        return [answered["prediction"] for answered in batch["predictions"]]

    def columns(self, name: str) -> list[dict[str, Any]]:
        """The columns of the current version, as its manifest has them."""
        columns: list[dict[str, Any]] = self._manifest(name)["schema"]["columns"]
        return columns

    def golden(self, name: str) -> dict[str, Any]:
        """The golden rows in the manifest of the current version."""
        golden: dict[str, Any] = self._manifest(name)["golden"]
        return golden

    def _manifest(self, name: str) -> dict[str, Any]:
        version = self.server.get(f"/models/{name}/current").json()["version"]
        manifest: dict[str, Any] = self.server.get(f"/models/{name}/versions/{version}").json()
        return manifest

    def refusal(self, estimator: object) -> str:
        """The reason for which admission refuses `estimator`."""
        answer = self.server.publish(artifact(estimator), "refused")
        assert answer.status_code == 422, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        return str(answer.json()["detail"])

    def fault(self, estimator: object, body: object, status: int, example: object | None = None) -> dict[str, Any]:
        """The problem that a served model returns for `body`."""
        answer = self.post(self.serve(estimator, example), body)
        assert answer.status_code == status, answer.text
        problem: dict[str, Any] = answer.json()
        return problem


@contextmanager
def running_stack(store: Store, bucket: str, folder: Path) -> Iterator[EstimatorStack]:
    """A stack on `store`."""
    rolls = {"LEASE_MS": "0", "RUNTIME": "onnx", "ALLOW_SCHEMA_CHANGE": "true"}
    settings = {"WORKERS": "1", "REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": "loan"}
    with ModelServer(store, bucket, folder, rolls) as server, PredictApi(server.url, folder, **settings) as api:
        yield EstimatorStack(server, api)


def _no_json(constant: str) -> object:
    raise AssertionError(f"{constant} is no JSON")
