"""Pinned mode: one artifact from MODEL_FILE, verified against MODEL_SHA256, without model_server."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import joblib
import pytest

from changeover.digest import sha256
from changeover.exceptions import InvalidSetting
from predict_api.exceptions import ArtifactRefused
from predict_api.pinned.artifact_file import PinnedFile
from tests.conftest import wait_until
from tests.processes.predict_api import PredictApi
from tests.processes.service import gone
from tests.tiny_models import tiny

NO_SERVER = "http://127.0.0.1:9"
CONTENT, MANIFEST = tiny(7)
VERSION = sha256(CONTENT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a platform mounts it: an artifact, its manifest from a bucket, and another file."""
    folder = tmp_path_factory.mktemp("artifact")
    manifest = MANIFEST | {"model": "elsewhere", "version": VERSION, "size": len(CONTENT), "description": "a gift"}
    (folder / "model.joblib").write_bytes(CONTENT)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "README.txt").write_text("no model")
    return folder


@pytest.fixture(scope="module")
def api(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    """The instance of most tests, started with the argument of SageMaker."""
    settings = {"MODEL_FILE": str(folder), "MODEL_SHA256": VERSION, "DEFAULT_MODEL": "churn", "REPORT_TOKEN": ""}
    instance = PredictApi(NO_SERVER, tmp_path_factory.mktemp("pinned"), **settings)
    instance.arguments = ("serve",)
    with closing(instance.start("/livez")):
        before = instance.get("/readyz")
        assert before.status_code == 503, "probes are answered before the artifact is loaded"
        assert "MODEL_FILE" in before.json()["detail"]
        instance.wait_until_it_answers("/readyz")
        yield instance


def refused(folder: Path, **settings: str) -> tuple[int, PredictApi]:
    """The exit status of an instance that cannot serve."""
    api = PredictApi(NO_SERVER, folder, WORKERS="1", **settings).launch()
    return api.wait(), api


def test_answers_are_of_the_pinned_version_and_never_stale(api: PredictApi) -> None:
    for path in ("/predict", "/models/churn/predict"):
        response = api.predict(path=path)
        assert response.json()["prediction"] == 7
        assert response.json()["model_version"] == VERSION
        assert response.headers["Model-Sequence"] == "1"
        assert "Model-Stale" not in response.headers
    assert api.get("/readyz").json()["stale"] == []


def test_another_model_is_unknown(api: PredictApi) -> None:
    assert api.predict(path="/models/other/predict").status_code == 404


def test_the_manifest_beside_the_artifact_describes_it(api: PredictApi) -> None:
    described = api.get("/models/churn").json()
    assert described["description"] == "a gift"
    assert described["created_at"] == MANIFEST["created_at"]


def test_one_worker_examines_for_all(api: PredictApi) -> None:
    assert len(api.events("replica.prepared")) >= 2
    assert len(api.events("pinned.examined")) == 1


def test_the_argument_serve_admits_every_host_name(api: PredictApi) -> None:
    assert api.predict(headers={"Host": "model.example"}).status_code == 200


def test_a_worker_that_dies_is_replaced_by_one_that_has_the_artifact(api: PredictApi) -> None:
    worker = api.workers()[-1]
    worker.kill()
    wait_until(lambda: gone([worker]) and len(api.events("worker.started")) == 3, what="a third worker")
    assert {api.predict().status_code for _ in range(20)} == {200}
    assert len(api.events("pinned.examined")) == 1


def test_an_instance_without_the_pinned_bytes_ends_and_says_why(folder: Path, tmp_path: Path) -> None:
    status, api = refused(tmp_path, MODEL_FILE=str(folder), MODEL_SHA256="0" * 64)
    assert status == 2
    assert f"model.joblib ({VERSION[:12]})" in api.events("settings.invalid")[0]["reason"]


def test_a_missing_file_and_the_manifest_of_another_version_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"no\.joblib cannot be read: No such file"):
        PinnedFile.find(folder / "no.joblib", VERSION)
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST | {"model": "m", "version": "0" * 64, "size": 1}))
    (tmp_path / "any.bin").write_bytes(CONTENT)
    file = PinnedFile.find(tmp_path, VERSION)
    with pytest.raises(InvalidSetting, match="is the manifest of version 000000000000"):
        file.described()
    (tmp_path / "manifest.json").write_text('{"metrics": {"auc": 0.9}}')
    assert file.described().draft.metrics == {"auc": 0.9}
    file.path.write_bytes(b"changed")
    with pytest.raises(ArtifactRefused, match="has changed since the start"):
        file.read()


def test_an_artifact_that_admission_refuses_ends_the_instance_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump({"no": "model"}, path)
    status, api = refused(tmp_path, MODEL_FILE=str(path), MODEL_SHA256=sha256(path.read_bytes()))
    assert status == 1
    assert "dict" in api.events("pinned.refused")[0]["reason"]


def test_an_onnx_file_is_served_too_and_drained_at_the_end(tmp_path: Path) -> None:
    path = Path(__file__).parent / "onnx_files" / "xgboost_classes.onnx"
    version = sha256(path.read_bytes())
    api = PredictApi(NO_SERVER, tmp_path, WORKERS="1", MODEL_FILE=str(path), MODEL_SHA256=version)
    with closing(api.start("/readyz")):
        assert api.predict([[5.1, 3.5, 1.4, 0.2]]).headers["Model-Runtime"] == "onnx"
        assert api.end() == 0
