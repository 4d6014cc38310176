"""The main job on a whole stack: publish, roll under load, roll back, the bucket alone, bad uploads, sudden deaths."""

import hashlib
import io
import json
import os
import pickle
import signal
from pathlib import Path

import joblib
import minio
import pytest
import requests

from changeover.demo import train
from changeover.demo.bodies import body
from changeover.exceptions import ServiceRefused
from changeover.up.restart import restart_service
from tests.conftest import wait_until
from tests.e2e.client_loop import ClientLoop
from tests.e2e.conftest import StartStack
from tests.processes.up import RunningStack

MODEL = "segmentation"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="session")
def reels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three versions of the segmentation model as files."""
    folder = tmp_path_factory.mktemp("reels")
    files = []
    for seed in (1, 2, 3):
        files.append(folder / f"reel-{seed}.joblib")
        joblib.dump(train.build(seed=seed, rows=600).estimator, files[-1])
    return files


def sha256sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def ask(stack: RunningStack, name: str = "single") -> requests.Response:
    url = f"{stack.described.predict_urls[0]}/predict"
    return requests.post(url, data=body(name), headers=JSON, timeout=20)  # type: ignore[arg-type]


def store_of(stack: RunningStack) -> minio.Minio:
    description = stack.described
    address = description.store_url.removeprefix("http://")
    return minio.Minio(address, access_key=description.access_key, secret_key=description.secret_key, secure=False)


def upload(stack: RunningStack, key: str, content: bytes) -> None:
    store_of(stack).put_object(stack.described.bucket, key, io.BytesIO(content), len(content))


def keys_below(stack: RunningStack, prefix: str) -> list[str]:
    objects = store_of(stack).list_objects(stack.described.bucket, prefix=prefix, recursive=True)
    return [str(item.object_name) for item in objects]


def serves(stack: RunningStack, version: str) -> bool:
    answer = ask(stack)
    return (
        answer.status_code == 200 and answer.headers["Model-Version"] == version and "Model-Stale" not in answer.headers
    )


def publish_and_roll(stack: RunningStack, file: Path) -> str:
    published = stack.client().publish(file, MODEL)
    stack.client().roll(published.version, model=MODEL)
    return published.version


def test_both_bodies_are_answered_by_the_version_that_sha256sum_names(
    running_stack: RunningStack, reels: list[Path]
) -> None:
    version = publish_and_roll(running_stack, reels[0])
    assert version == sha256sum(reels[0])
    running_stack.wait_until_held(MODEL, version)
    single = ask(running_stack).json()
    assert set(single) == {"prediction", "predict_proba", "classes", "model_version"}
    assert single["model_version"] == version
    assert single["prediction"] in single["classes"]
    assert sum(single["predict_proba"]) == pytest.approx(1.0)
    batch = ask(running_stack, "batch").json()
    assert len(batch["predictions"]) == len(json.loads(body("batch")))
    assert batch["model_version"] == version


def test_a_roll_and_a_rollback_under_load_fail_no_request(start_stack: StartStack, reels: list[Path]) -> None:
    """Fault 42: on a whole stack."""
    stack = start_stack(replicas=2)
    first = publish_and_roll(stack, reels[0])
    stack.wait_until_held(MODEL, first)
    url = f"{stack.described.predict_urls[1]}/predict"
    with ClientLoop(url, body("single")) as clients:
        wait_until(clients.after(50), 60, "50 answers")
        second = publish_and_roll(stack, reels[1])
        assert serves(stack, second)
        wait_until(clients.after(50), 60, "50 answers more")
        assert stack.client().rollback(model=MODEL)["state"] == "committed"
        assert serves(stack, first)
        wait_until(clients.after(50), 60, "50 answers more")
    assert clients.failed == []
    assert set(clients.answered) == {first, second}
    history = stack.client().history(MODEL)
    assert [(entry["sequence"], entry["version"]) for entry in history] == [(3, first), (2, second), (1, first)]


def test_an_upload_to_the_bucket_serves_after_a_restart_and_predict_api_answers_throughout(
    start_stack: StartStack, reels: list[Path]
) -> None:
    """Fault 16: a restart with a new model in the bucket."""
    stack = start_stack()
    upload(stack, "incoming/first.joblib", reels[0].read_bytes())
    wait_until(lambda: not keys_below(stack, "incoming/"), 60, "the first upload's admission")
    restart_service(stack.home, "model_server", 120)
    stack.wait_until_held(MODEL, sha256sum(reels[0]))
    with ClientLoop(f"{stack.described.predict_urls[0]}/predict", body("single")) as clients:
        wait_until(clients.after(20), 60, "20 answers")
        upload(stack, f"incoming/{MODEL}/second.joblib", reels[1].read_bytes())
        wait_until(lambda: not keys_below(stack, "incoming/"), 60, "the second upload's admission")
        assert ask(stack).headers["Model-Version"] == sha256sum(reels[0])
        restart_service(stack.home, "model_server", 120)
        wait_until(lambda: serves(stack, sha256sum(reels[1])), 60, "the second upload's service")
        wait_until(clients.after(20), 60, "20 answers more")
    assert clients.failed == []


class Runs:
    """The object in a hostile artifact: unpickling it would make the folder `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._path),)


def test_what_is_no_model_is_refused_with_the_reason_and_the_old_version_serves(
    running_stack: RunningStack, reels: list[Path], tmp_path: Path
) -> None:
    good = publish_and_roll(running_stack, reels[0])
    evidence = tmp_path / "it-ran"
    bad = {
        "text.joblib": b"this is no model",
        "empty.joblib": b"",
        "truncated.joblib": reels[1].read_bytes()[:-100],
        "hostile.joblib": pickle.dumps(Runs(evidence)),
    }
    for name, content in bad.items():
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ServiceRefused) as refusal:
            running_stack.client().publish(file, MODEL)
        assert refusal.value.status == 422, name
        assert refusal.value.problem["reason"], name
        upload(running_stack, f"incoming/{MODEL}/raw-{name}", content)
    wait_until(lambda: not keys_below(running_stack, "incoming/"), 60, "the clearing of the drop zone")
    rejected = {
        entry["name"]: entry for entry in running_stack.client().versions(MODEL) if entry["state"] == "rejected"
    }
    for name in bad:
        assert rejected[f"raw-{name}"]["reason"], name
        assert f"rejected/{MODEL}/raw-{name}" in keys_below(running_stack, "rejected/")
    assert "mkdir" in str(rejected["raw-hostile.joblib"]["reason"])
    assert not evidence.exists()
    assert serves(running_stack, good)


def test_a_candidate_stays_one_and_what_was_acknowledged_is_there_after_the_death_of_everything(
    start_stack: StartStack, reels: list[Path]
) -> None:
    stack = start_stack()
    current = publish_and_roll(stack, reels[0])
    candidate = stack.client().publish(reels[1], MODEL).version
    wait_until(lambda: serves(stack, current), 20, "the first version's service")
    for process in stack.processes():
        process.send_signal(signal.SIGKILL)
    stack.process.wait(30)
    again = start_stack(home=stack.home)
    states = {entry["version"]: entry["state"] for entry in again.client().versions(MODEL)}
    assert states == {current: "current", candidate: "admitted"}
    wait_until(lambda: serves(again, current), 20, "the version of before")


def test_predict_api_answers_stale_while_model_server_is_away_and_restarts_from_its_disk(
    start_stack: StartStack, reels: list[Path]
) -> None:
    stack = start_stack()
    version = publish_and_roll(stack, reels[0])
    wait_until(lambda: serves(stack, version), 20, "the first version's service")
    os.kill(stack.pids.model_server, signal.SIGSTOP)
    try:
        stale = wait_until(lambda: (answer := ask(stack)).headers.get("Model-Stale") and answer, 20, "a stale answer")
        assert stale.status_code == 200
        assert stale.headers["Model-Version"] == version
        assert float(stale.headers["Model-Age"]) >= 0
        before = stack.pids.predict_api[0]
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: stack.pids.predict_api[0][0] != before[0], 30, "another predict_api")
        restarted = wait_until(lambda: answered(stack), 40, "an answer from the disk cache")
        assert restarted.headers["Model-Stale"] == "true"
        assert restarted.json()["model_version"] == version
    finally:
        os.kill(stack.pids.model_server, signal.SIGCONT)
    wait_until(lambda: serves(stack, version), 20, "the end of staleness")


def answered(stack: RunningStack) -> requests.Response | None:
    try:
        answer = ask(stack)
    except requests.ConnectionError:
        return None
    return answer if answer.status_code == 200 else None


def test_every_model_with_a_current_version_is_served_under_its_name(
    running_stack: RunningStack, reels: list[Path]
) -> None:
    client = running_stack.client()
    published = client.publish(reels[2], "second-model")
    client.roll(published.version, model="second-model")
    url = f"{running_stack.described.predict_urls[0]}/models/second-model/predict"

    def prediction() -> requests.Response:
        return requests.post(url, data=body("single"), headers=JSON, timeout=20)

    wait_until(lambda: prediction().status_code == 200, 30, "the second model's service")
    assert prediction().headers["Model-Name"] == "second-model"
    assert prediction().json()["model_version"] == published.version
