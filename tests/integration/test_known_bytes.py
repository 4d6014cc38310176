"""Bytes that are a version already, published again with more to say: a new manifest of the same version, or 409."""

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
import requests
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import changeover
from changeover.cli.main import main
from changeover.client.upload import Published
from changeover.digest import sha256
from changeover.exceptions import ServiceRefused
from object_store import keys
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store

FRAME = pd.DataFrame({"town": ["Ulm", "Bonn", "Ulm", "Kiel"] * 5, "age": [1.0, 2.0, 3.0, 4.0] * 5})
MODEL = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(FRAME, [0, 1, 0, 1] * 5)


@pytest.fixture(scope="module", params=["seaweed", "minio"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    store: Store = request.getfixturevalue(request.param)
    settings = {"RUNTIME": "onnx"}
    with ModelServer(store, f"known-{request.param}", tmp_path_factory.mktemp("server"), settings) as process:
        yield process


def publish(server: ModelServer, body: bytes, **draft: Any) -> requests.Response:
    files = {"artifact": ("m.joblib", body), "manifest": (None, json.dumps(draft))}
    return server.post("/models/loan/versions", files=files)


def manifest(server: ModelServer, body: bytes) -> Any:
    return server.get(f"/models/loan/versions/{sha256(body)}").json()


def golden(*rows: dict[str, float]) -> dict[str, Any]:
    return {"rows": list(rows)}


def column(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "number", **more}


NAMED = {"columns": [column("x0", unit="kg"), column("x1"), column("x2")]}
ROW, OTHER = {"x0": 1.0, "x1": 0.5, "x2": 0.0}, {"x0": -1.0, "x1": 2.0, "x2": 0.5}


def test_what_the_manifest_lacks_is_added_and_kept(server: ModelServer) -> None:
    body = a_model(201)
    first = server.publish(body)
    assert first.status_code == 201
    before = manifest(server, body)
    assert (before["schema_by"], before["golden_by"], before["updated_at"]) == ("admission", "admission", "")
    again = publish(server, body, metrics={"auc": 0.9}, description="why", evaluation={"data_sha256": "a" * 64})
    assert again.status_code == 200, again.text
    assert again.json()["updated"] == ["metrics", "description", "evaluation"]
    assert again.json()["metrics"] == {"auc": 0.9}
    more = publish(server, body, metrics={"f1": 0.5}, schema=NAMED, golden=golden(ROW, OTHER))
    assert more.json()["updated"] == ["schema", "golden", "metrics"]
    after = manifest(server, body)
    assert after["created_at"] == before["created_at"] < after["updated_at"]
    assert after["provenance"] == before["provenance"]
    assert after["metrics"] == {"auc": 0.9, "f1": 0.5}
    assert (after["description"], after["evaluation"]) == ("why", {"data_sha256": "a" * 64})
    assert [each.get("unit") for each in after["schema"]["columns"]] == ["kg", None, None]
    assert after["golden"]["rows"] == [ROW, OTHER]
    assert len(after["golden"]["outputs"]) == 2
    assert (after["schema_by"], after["golden_by"]) == ("publisher", "publisher")
    assert "sha256" in after["twin"]
    twin = server.get(f"/models/loan/versions/{sha256(body)}/twin")
    assert sha256(twin.content) == after["twin"]["sha256"]
    listed = [
        each for each in server.get("/models/loan/versions").json()["versions"] if each["version"] == sha256(body)
    ]
    assert [each["metrics"] for each in listed] == [{"auc": 0.9, "f1": 0.5}]
    server.kill()
    server.start()
    assert manifest(server, body) == after


def test_the_same_again_or_nothing_changes_nothing(server: ModelServer) -> None:
    body = a_model(202)
    said = {"metrics": {"auc": 0.9}, "schema": NAMED, "golden": golden(ROW), "description": "why"}
    assert publish(server, body, **said).status_code == 201
    before = manifest(server, body)
    for again in (
        publish(server, body, **said),
        server.publish(body),
        publish(server, body, environment={"numpy": "1"}),
    ):
        assert again.status_code == 200
        assert "updated" not in again.json()
    assert manifest(server, body) == before


def test_a_contradiction_is_a_409_that_names_both_values_and_changes_nothing(server: ModelServer) -> None:
    body = a_model(203)
    assert publish(server, body, metrics={"auc": 0.9}, schema=NAMED, golden=golden(ROW)).status_code == 201
    before = manifest(server, body)
    other = {"columns": [column("x0", unit="g"), column("x1"), column("x2")]}
    refused = publish(
        server, body, metrics={"auc": 0.8, "f1": 1.0}, schema=other, golden=golden(OTHER), description="d"
    )
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "urn:changeover:manifest-contradicted"
    named = {each["member"]: (each["stored"], each["sent"]) for each in problem["contradictions"]}
    assert named["metrics.auc"] == (0.9, 0.8)
    assert [part["unit"] for part in named["schema.columns.x0"]] == ["kg", "g"]
    assert [part["row"] for part in named["golden"]] == [ROW, OTHER]
    assert "metrics.auc is 0.9, 0.8 was sent" in problem["detail"]
    assert manifest(server, body) == before


def test_golden_outputs_that_the_model_does_not_give_are_refused_and_the_version_stays(server: ModelServer) -> None:
    body = a_model(204)
    assert server.publish(body).status_code == 201
    before = manifest(server, body)
    wrong = {"rows": [ROW], "outputs": [{"prediction": 7, "predict_proba": [0.5, 0.5]}]}
    refused = publish(server, body, golden=wrong)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:changeover:update-refused")
    assert "stays as it is" in refused.json()["detail"]
    assert manifest(server, body) == before
    assert [each["state"] for each in server.get("/models/loan/versions").json()["versions"] if each["version"] == sha256(body)] == ["admitted"]  # fmt: skip


def test_a_schema_that_breaks_consumers_of_the_current_version_is_refused(server: ModelServer) -> None:
    body = a_model(205)
    assert server.publish(body).status_code == 201
    assert server.roll(sha256(body)).json()["state"] == "committed"
    before = manifest(server, body)
    breaking = {"columns": [column("x0", type="string"), column("x1"), column("x2")]}
    breaking["columns"][0] = column("x0", enum=[1.0, 2.0])
    refused = publish(server, body, schema=breaking)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:changeover:update-breaks")
    assert refused.json()["diff"]["compatible"] is False
    assert manifest(server, body) == before
    taken = publish(server, body, schema=NAMED, metrics={"auc": 0.5})
    assert taken.json()["updated"] == ["schema", "metrics"]
    assert any("until they prepare it again" in warning for warning in taken.json()["warnings"])
    assert manifest(server, body)["warnings"] == before["warnings"]


def test_of_publishes_at_once_each_is_taken_or_refused(server: ModelServer) -> None:
    body = a_model(206)
    assert server.publish(body).status_code == 201
    answers: list[requests.Response] = []

    def add(number: int) -> None:
        answers.append(publish(server, body, metrics={f"m{number}": number, "shared": number // 4}))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics = manifest(server, body)["metrics"]
    assert {answer.status_code for answer in answers} <= {200, 409}
    taken = [answer for answer in answers if answer.status_code == 200]
    assert taken
    assert len(metrics) == len(taken) + 1
    bucket = server.store.bucket(bucket=server.bucket)
    numbers = [keys.parse_manifest(item.key) for item in bucket.list(keys.version_prefix("loan", sha256(body)))]
    assert sorted(key[2] for key in numbers if key) == list(range(len(taken) + 1))


def test_the_client_says_what_was_added(server: ModelServer, tmp_path: Path) -> None:
    client = changeover.Client(server.url, token=PUBLISH_TOKEN)
    joblib.dump(MODEL, tmp_path / "model.joblib")
    bare = client.publish(tmp_path / "model.joblib", "towns")
    assert (bare.created, bare.updated) == (True, [])
    described = client.publish(tmp_path / "model.joblib", "towns", example=FRAME, metrics={"auc": 0.75})
    assert isinstance(described, Published)
    assert (described.created, described.updated) == (False, ["schema", "golden", "metrics", "reference"])
    assert "added: schema, golden, metrics" in repr(described)
    names = [each["name"] for each in client.manifest(described.version, "towns")["schema"]["columns"]]  # type: ignore[union-attr, index, call-overload]
    assert names == ["town", "age"]
    again = client.publish(tmp_path / "model.joblib", "towns", example=FRAME, metrics={"auc": 0.75})
    assert (again.created, again.updated) == (False, [])
    with pytest.raises(ServiceRefused, match=r"metrics\.auc is 0\.75, 0\.5 was sent"):
        client.publish(tmp_path / "model.joblib", "towns", metrics={"auc": 0.5})


def test_push_says_what_was_added(server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(a_model(207))
    stack = {"CHANGEOVER_TOKEN": PUBLISH_TOKEN}
    words = ["push", str(tmp_path / "model.joblib"), "-m", "pushed", "--server-url", server.url]
    assert CliRunner().invoke(main, words, env=stack).exit_code == 0
    added = CliRunner().invoke(main, [*words, "--metric", "auc=0.5", "--description", "why"], env=stack)
    assert "added to its manifest: metrics, description" in added.stdout
    refused = CliRunner().invoke(main, [*words, "--metric", "auc=0.75"], env=stack)
    assert refused.exit_code == 1
    assert "metrics.auc is 0.5, 0.75 was sent" in refused.stderr


def test_a_replica_takes_the_new_manifest_when_it_prepares_the_version_again(
    server: ModelServer, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    joblib.dump(MODEL, buffer)
    body = buffer.getvalue()
    assert server.publish(body, model="served").status_code == 201
    assert server.roll(sha256(body), "served").json()["state"] == "committed"
    with PredictApi(server.url, tmp_path, DEFAULT_MODEL="served", REPORT_TOKEN=REPORT_TOKEN) as api:
        wait_until(lambda: api.get("/models/served").status_code == 200, what="the model is served")
        assert api.get("/models/served").json()["metrics"] == {}
        files = {"artifact": ("m.joblib", body), "manifest": (None, '{"metrics": {"auc": 0.5}}')}
        assert server.post("/models/served/versions", files=files).json()["updated"] == ["metrics"]
        api.end()
        api.start()
        wait_until(lambda: api.get("/models/served").status_code == 200, what="the model is served again")
        assert api.get("/models/served").json()["metrics"] == {"auc": 0.5}
