"""The whole way of a model in one call: joblib bytes, published, admitted, rolled, asked over HTTP."""

import io
import itertools
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    """One store, one model_server, one predict_api; every model that is asked gets a name of its own."""

    def __init__(self, store: Store, bucket: str, folder: Path) -> None:
        self._names = (f"kind-{number}" for number in itertools.count(1))
        self.server = ModelServer(store, bucket, folder, {"LEASE_MS": "0", "RUNTIME": "onnx"}).start()
        self.api = PredictApi(
            self.server.url, folder, WORKERS="1", REPORT_TOKEN=REPORT_TOKEN, DEFAULT_MODEL="loan"
        ).start()
        self._client = Client(self.server.url, token=PUBLISH_TOKEN)

    def end(self) -> None:
        self.api.close()
        self.server.close()

    def serve(self, estimator: object, example: object | None = None) -> str:
        """The name under which `estimator` answers: raw bytes without a manifest, or as a client with an example."""
        name = next(self._names)
        if example is None:
            answer = self.server.publish(artifact(estimator), name)
            assert answer.status_code == 201, answer.text
            version = answer.json()["version"]
            assert version == digest.sha256(artifact(estimator))
        else:
            version = self._client.publish(estimator, name, example=example).version
        rolled = self.server.roll(version, name)
        assert rolled.json().get("state") == "committed", rolled.text
        wait_until(lambda: self.post(name, []).status_code != 404, 10, f"predict_api knows {name}")
        return name

    def serve_all(self, estimators: Mapping[str, object]) -> dict[str, str]:
        """Each of `estimators` as `serve` does, side by side since a rollout mostly waits."""
        with ThreadPoolExecutor(4) as pool:
            return dict(zip(estimators, pool.map(self.serve, estimators.values()), strict=True))

    def post(self, name: str, body: object) -> Any:
        return self.api.predict(body, f"/models/{name}/predict")

    def asked(self, name: str, body: object) -> dict[str, Any]:
        """The answer to `body`, which must be strict JSON, without its version, which must be that of the header."""
        answer = self.post(name, body)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = json.loads(answer.content, parse_constant=_no_json)
        assert said.pop("model_version") == answer.headers["Model-Version"]
        return said

    def ask(self, estimator: object, body: object, example: object | None = None) -> dict[str, Any]:
        return self.asked(self.serve(estimator, example), body)

    def labels(self, estimator: object, rows: Sequence[Mapping[Any, Any]], example: object | None = None) -> list[Any]:
        """The predictions for `rows`, each of them also asked alone and answered the same."""
        name = self.serve(estimator, example)
        batch = self.asked(name, rows)
        for row, answered in zip(rows, batch["predictions"], strict=True):
            single = self.asked(name, row)
            assert single["prediction"] == answered["prediction"]
            assert single.get("classes") == batch.get("classes")
        return [answered["prediction"] for answered in batch["predictions"]]

    def columns(self, name: str) -> list[dict[str, Any]]:
        """The columns of what is current, with all that its manifest says of them."""
        columns: list[dict[str, Any]] = self._manifest(name)["schema"]["columns"]
        return columns

    def golden(self, name: str) -> dict[str, Any]:
        """The golden rows that stand in the manifest of what is current."""
        found: dict[str, Any] = self._manifest(name)["golden"]
        return found

    def _manifest(self, name: str) -> dict[str, Any]:
        version = self.server.get(f"/models/{name}/current").json()["version"]
        found: dict[str, Any] = self.server.get(f"/models/{name}/versions/{version}").json()
        return found

    def refusal(self, estimator: object) -> str:
        """Why admission refuses `estimator`."""
        answer = self.server.publish(artifact(estimator), next(self._names))
        assert answer.status_code == 422, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        return str(answer.json()["detail"])

    def fault(self, estimator: object, body: object, status: int, example: object | None = None) -> dict[str, Any]:
        """The problem that a model that is served answers `body` by."""
        answer = self.post(self.serve(estimator, example), body)
        assert answer.status_code == status, answer.text
        problem: dict[str, Any] = answer.json()
        return problem


def _no_json(constant: str) -> object:
    raise AssertionError(f"{constant} is no JSON")
