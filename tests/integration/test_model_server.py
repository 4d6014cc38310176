"""model_server over HTTP on real stores: publish, reject, roll, roll back, and the ledger."""

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from changeover.digest import repr_digest
from model_server.access.tokens import SHARED_NAME
from object_store import keys
from object_store.exceptions import ObjectMissing
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.store import Store


def version_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(scope="module", params=["seaweed", "minio"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    store: Store = request.getfixturevalue(request.param)
    with ModelServer(store, f"shared-{request.param}", tmp_path_factory.mktemp("server")) as process:
        yield process
        assert process.end() == 0


def test_publishing_names_the_bytes_by_their_hash_and_twice_is_once(server: ModelServer) -> None:
    """Fault 39: the same bytes are no new version."""
    body = a_model(1)
    first = server.publish(body)
    assert first.status_code == 201, first.text
    assert first.json()["version"] == version_of(body)
    assert first.json()["state"] == "admitted"
    assert first.headers["Location"] == f"/models/loan/versions/{version_of(body)}"
    assert server.publish(body).status_code == 200
    as_curl_does = {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.publish(body, headers=as_curl_does).json()["version"] == version_of(body)
    fetched = server.get(f"{first.headers['Location']}/artifact")
    assert fetched.content == body
    assert fetched.headers["Repr-Digest"] == repr_digest(version_of(body))
    manifest = server.get(f"/models/loan/versions/{version_of(body)[:10]}").json()
    assert manifest["classes"] == [0, 1]
    assert [column["name"] for column in manifest["schema"]["columns"]] == ["x0", "x1", "x2"]


def test_a_publisher_may_send_a_manifest_beside_the_artifact(server: ModelServer) -> None:
    files = {"artifact": ("m.joblib", a_model(2)), "manifest": (None, '{"metrics": {"f1": 0.5}, "description": "two"}')}
    answer = server.post("/models/loan/versions", files=files)
    assert answer.status_code == 201, answer.text
    assert answer.json()["metrics"] == {"f1": 0.5}
    assert answer.json()["description"] == "two"


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"other": ("m.joblib", b"x")}, 400),
        ({"manifest": (None, "{}")}, 400),
        ({"artifact": ("m.joblib", b"x"), "manifest": (None, "no json")}, 422),
        ({"artifact": ("m.joblib", b"x"), "manifest": (None, '{"colour": 1}')}, 422),
    ],
)
def test_a_malformed_form_is_refused_with_the_part_that_is_wrong(
    server: ModelServer, files: dict[str, tuple[str | None, bytes | str]], status: int
) -> None:
    answer = server.post("/models/loan/versions", files=files)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "artifact" in answer.json()["detail"] or "manifest" in answer.json()["detail"]


def test_a_digest_that_does_not_match_is_refused_and_nothing_is_kept(server: ModelServer) -> None:
    body = a_model(3)
    answer = server.publish(body, headers={"Repr-Digest": repr_digest("0" * 64)})
    assert answer.status_code == 422
    assert version_of(body) in answer.json()["detail"]
    assert server.get(f"/models/loan/versions/{version_of(body)}").status_code == 404
    assert server.publish(body, headers={"Repr-Digest": "sha-256=nonsense"}).status_code == 400


def test_an_artifact_that_is_no_model_is_rejected_kept_and_explained(server: ModelServer) -> None:
    body = b"<html>not a model</html>"
    answer = server.publish(body, params={"name": "page.joblib"})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:changeover:rejected"
    listed = server.get("/models/loan/versions")
    rejected = [entry for entry in listed.json()["versions"] if entry["state"] == "rejected"]
    assert rejected[0]["name"] == "page.joblib"
    assert rejected[0]["reason"] == answer.json()["reason"]
    bucket = server.store.bucket(bucket=server.bucket)
    assert bucket.read(keys.rejected_key("loan", "page.joblib"), 1000) == body
    with pytest.raises(ObjectMissing):
        bucket.stat(keys.manifest_key("loan", version_of(body)))
    assert server.roll(version_of(body)).status_code == 422


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("nonsense", 401), (REPORT_TOKEN, 403)], ids=["none", "unknown", "report"]
)
def test_changes_need_the_publish_token(server: ModelServer, token: str | None, status: int) -> None:
    for path in ("/models/loan/versions", "/models/loan/rollouts", "/models/loan/rollback"):
        answer = server.post(path, token=token, data=b"x")
        assert answer.status_code == status, path
        assert answer.json()["status"] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Type": "text/csv"}, 415), ({"Content-Encoding": "gzip"}, 415)],
)
def test_an_upload_in_another_form_is_refused(server: ModelServer, headers: dict[str, str], status: int) -> None:
    assert server.publish(b"x", headers=headers).status_code == status


def test_names_and_versions_are_checked(server: ModelServer) -> None:
    assert server.publish(b"x", model="Not_A_Name").status_code == 422
    assert server.get("/models/unheard-of").status_code == 404
    assert server.get("/models/unheard-of/current").status_code == 404
    server.publish(a_model(1))
    assert server.roll("f" * 64).status_code == 404
    assert server.roll("12").status_code == 422
    assert server.post("/models/loan/rollouts", json={}).status_code == 400
    for member, status in ({"reason": 7}, 400), ({"skip_gate": "yes"}, 400), ({"by": "x" * 2001}, 422):
        refused = server.post("/models/loan/rollouts", json={"version": "f" * 64, **member})
        assert refused.status_code == status
        assert next(iter(member)) in refused.json()["detail"]
    assert server.post("/models/loan/rollouts?wait=x", json={"version": "f" * 64}).status_code == 400
    assert server.get("/models/loan/rollouts?at=yesterday").status_code == 400
    for limit in ("0", "1001", "x", "0" * 11 + "1" * 5000):
        assert server.get(f"/models/loan/versions?limit={limit}").status_code == 400
    assert server.get("/nowhere").status_code == 404
    assert server.post("/livez").status_code == 405


def test_rolls_and_rollbacks_show_in_etags_and_in_the_ledger(server: ModelServer) -> None:
    first, second = a_model(11), a_model(12)
    for body in (first, second):
        assert server.publish(body, model="story").status_code == 201
    assert server.get("/models/story/current").status_code == 404
    assert server.post("/models/story/rollback").status_code == 404
    rolled = server.roll(version_of(first)[:8], model="story").json()
    assert (rolled["state"], rolled["sequence"], rolled["previous"]) == ("committed", 1, None)
    check = server.get("/models/story/current")
    assert check.headers["ETag"] == f'"1-{version_of(first)}"'
    assert check.headers["Lease-Ms"] == "1000"
    again = server.get("/models/story/current", headers={"If-None-Match": check.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    answer = server.post("/models/story/rollouts?wait=20", json={"version": version_of(second), "by": "ann"})
    assert answer.json()["state"] == "committed"
    assert server.get(answer.headers["Location"]).json() == answer.json()
    assert server.roll(version_of(second), model="story").json()["sequence"] == 2
    back = server.post("/models/story/rollback?wait=20").json()
    assert (back["sequence"], back["version"], back["previous"]) == (3, version_of(first), version_of(second))
    entries = server.get("/models/story/rollouts").json()["rollouts"]
    assert [entry["sequence"] for entry in entries] == [3, 2, 1]
    assert [(entry["by"], entry["on_behalf_of"]) for entry in entries[:2]] == [(SHARED_NAME, ""), (SHARED_NAME, "ann")]
    between = server.get("/models/story/rollouts", params={"at": entries[1]["rolled_at"]}).json()["rollouts"]
    assert [entry["version"] for entry in between] == [version_of(second)]
    assert server.get("/models/story/rollouts?at=2020-01-01T00:00:00Z").json()["rollouts"] == []
    page = server.get("/models/story/rollouts?limit=1&offset=1").json()
    assert [entry["sequence"] for entry in page["rollouts"]] == [2]
    states = {entry["version"]: entry["state"] for entry in server.get("/models/story/versions").json()["versions"]}
    assert states == {version_of(first): "current", version_of(second): "retired"}
    bucket = server.store.bucket(bucket=server.bucket)
    assert [item.key for item in bucket.list("rollouts/story/")] == [keys.rollout_key("story", n) for n in (1, 2, 3)]
    description = server.get("/models/story").json()
    assert (description["current"]["sequence"], description["previous"]) == (3, version_of(second))
    assert "story" in [model["model"] for model in server.get("/models").json()["models"]]


def test_a_roll_waits_for_every_replica_and_aborts_with_its_reason(server: ModelServer) -> None:
    """Fault 41: a second roll during the first is a 409."""
    first, second = version_of(a_model(1)), version_of(a_model(4))
    assert server.publish(a_model(1)).ok
    assert server.publish(a_model(4)).ok
    assert server.report("r1", ready=[first]) == 204
    waiting = server.roll(second, wait=0)
    assert waiting.status_code == 202
    assert waiting.json()["state"] == "preparing"
    assert server.get("/models/loan/current").headers["Next-Version"] == second
    assert server.roll(first, wait=0).status_code == 409
    assert server.report("r1", ready=[first], failed={second: "out of memory"}) == 204
    location = waiting.headers["Location"]
    ended = wait_until(lambda: (rollout := server.get(location).json())["state"] == "aborted" and rollout, 10)
    assert "out of memory" in ended["reason"]
    assert "Next-Version" not in server.get("/models/loan/current").headers
    assert "out of memory" in str(server.get("/readyz").json()["problems"])
    assert server.report("r1", ready=[first, second]) == 204
    assert server.roll(second).json()["state"] == "committed"
    assert server.get("/readyz").json()["status"] == "ready"
    assert [row["replica"] for row in server.get("/models/loan").json()["replicas"]] == ["r1"]
    headers = {"Authorization": f"Bearer {REPORT_TOKEN}"}
    import requests

    assert requests.delete(f"{server.url}/models/loan/replicas/r1", headers=headers, timeout=10).status_code == 204
    assert server.get("/models/loan").json()["replicas"] == []


def test_two_concurrent_rolls_end_as_one_line_of_history(server: ModelServer) -> None:
    """Fault 37: one wins, the other waits or gets a 409."""
    bodies = [a_model(21), a_model(22)]
    for body in bodies:
        assert server.publish(body, model="race").ok
    barrier = threading.Barrier(2)
    statuses: list[int] = []

    def roll(body: bytes) -> None:
        barrier.wait()
        statuses.append(server.roll(version_of(body), model="race").status_code)

    threads = [threading.Thread(target=roll, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) in ([200, 200], [200, 409])
    entries = server.get("/models/race/rollouts").json()["rollouts"]
    assert [entry["sequence"] for entry in entries] == list(range(len(entries), 0, -1))


def test_the_metrics_and_the_request_id_are_there(server: ModelServer) -> None:
    answer = server.get("/livez", headers={"X-Request-Id": "abc-1"})
    assert answer.headers["X-Request-Id"] == "abc-1"
    assert "changeover_server_publishes_total" in server.get("/metrics").text
    assert server.get("/readyz").json()["confinement"]


def test_a_schema_of_too_many_columns_is_refused_until_the_setting_allows_it(seaweed: Store, tmp_path: Path) -> None:
    with ModelServer(seaweed, "narrow", tmp_path, {"MAX_COLUMNS": "3"}) as narrow:
        assert narrow.publish(a_model(1, columns=3)).status_code == 201
        wide = narrow.publish(a_model(1, columns=4))
        assert (wide.status_code, wide.json()["type"]) == (422, "urn:changeover:rejected")
        assert "4 columns, at most 3 are taken (MAX_COLUMNS)" in wide.json()["detail"]
        columns = [{"name": name, "type": "number"} for name in "abcd"]
        files = {"artifact": ("m.joblib", a_model(2)), "manifest": (None, json.dumps({"schema": {"columns": columns}}))}
        assert "MAX_COLUMNS" in narrow.post("/models/loan/versions", files=files).json()["detail"]
        narrow.end()
        assert narrow.start(MAX_COLUMNS="4").publish(a_model(1, columns=4)).status_code == 201


def test_an_artifact_past_the_cap_is_refused_and_a_setting_that_is_wrong_is_named(
    seaweed: Store, tmp_path: Path
) -> None:
    small = ModelServer(seaweed, "capped", tmp_path / "a", {"MAX_MODEL_BYTES": "100"}).start()
    assert small.publish(b"x" * 101).status_code == 413
    assert small.publish(b"x" * 70_000_000).status_code == 413
    assert small.end() == 0
    wrong = ModelServer(seaweed, "capped", tmp_path / "b").launch(MODEL_SHA256="abc", SERVER_PORT="x")
    assert wrong.wait() == 2
    assert "MODEL_SHA256" in wrong.log
    assert "SERVER_PORT" in wrong.log
