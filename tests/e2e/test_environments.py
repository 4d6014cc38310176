"""Models of other versions and other libraries on one stack: each answers what it answered where it was made."""

import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minio
import pytest
import requests

from changeover.environments.environment import Environment, read_environments
from changeover.exceptions import ServiceRefused
from changeover.manifest.manifest import Draft
from tests.conftest import wait_until
from tests.made_environments import LIBRARIES, VERSIONS, made_environments
from tests.processes.predict_api import Instances
from tests.processes.up import RunningStack, launch
from tests.tree import ROOT

PROGRAM = Path(__file__).with_name("models_of_environment.py")
SKLEARNS = [*VERSIONS, "default"]
FILES = {
    "boosting": [
        *("xgboost.joblib", "lightgbm.joblib", "catboost.joblib"),
        *("lightgbm-categories.joblib", "xgboost-categories.joblib"),
    ],
    "statistics": [
        *("imblearn.joblib", "category-encoders.joblib", "feature-engine.joblib", "glm.joblib", "logistic.skops"),
    ],
}
TWINS = ("xgboost.joblib", "lightgbm.joblib", "imblearn.joblib", "logistic.skops")


@dataclass
class Site:
    """A stack, its folder of environments, and a folder of models for each environment."""

    stack: RunningStack
    environments_dir: Path
    models: Path

    def environments(self) -> dict[str, Environment]:
        """The environments that there are now."""
        return read_environments(self.environments_dir)

    def made(self, environment: str, group: str) -> Path:
        """The folder of the models of `group` that the environment's interpreter made."""
        folder = self.models / f"{environment}-{group}"
        if not folder.exists():
            folder.mkdir()
            command = [self.environments()[environment].python, "-I", str(PROGRAM), str(folder), group]
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
            assert ended.returncode == 0, ended.stderr
        return folder

    def serve(self, file: Path, model: str) -> dict[str, Any]:
        """Publish the bytes of a file alone, roll it, wait for every worker; returns the manifest."""
        client = self.stack.client()
        published = client.publish(file, model)
        client.roll(published.version, model=model)
        self.stack.wait_until_held(model, published.version)
        return client.manifest(published.version, model)

    def ask(self, model: str, rows: list[Any]) -> requests.Response:
        """The response of predict_api to these rows."""
        return requests.post(f"{self.stack.described.predict_urls[0]}/models/{model}/predict", json=rows, timeout=30)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `changeover ...` as an operator of this stack does."""
        variables = {**os.environ, "ENVIRONMENTS_DIR": str(self.environments_dir)}
        command = [sys.executable, "-m", "changeover", *words]
        return subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=600, check=False
        )

    def drop(self, key: str, content: bytes) -> None:
        """Put an object into the bucket."""
        described = self.stack.described
        address = described.store_url.removeprefix("http://")
        store = minio.Minio(address, access_key=described.access_key, secret_key=described.secret_key, secure=False)
        store.put_object(described.bucket, key, io.BytesIO(content), len(content))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stack whose environments are those of this run, in a folder where one more may be added."""
    shared, environments = made_environments(tmp_path_factory)
    folder = tmp_path_factory.mktemp("site")
    (folder / "environments").mkdir()
    (folder / "models").mkdir()
    for name in environments:
        if name != "default":
            (folder / "environments" / name).symlink_to(shared / name)
    stack = launch(folder / "home", {"ENVIRONMENTS_DIR": str(folder / "environments")})
    yield Site(stack, folder / "environments", folder / "models")
    stack.stop()


def same_as_there(response: requests.Response, there: Mapping[str, Any], within: float = 1e-9) -> None:
    """Check that the response has what the model answered where it was made."""
    assert response.status_code == 200, response.text
    answers = response.json()["predictions"]
    predictions, labels = [each["prediction"] for each in answers], there["labels"]
    if labels and isinstance(labels[0], float):
        assert predictions == pytest.approx(labels, rel=0, abs=within)
    else:
        assert predictions == labels
    if there["probabilities"] is not None:
        for here, was in zip(answers, there["probabilities"], strict=True):
            assert here["predict_proba"] == pytest.approx(was, rel=0, abs=within)


@pytest.mark.parametrize("name", SKLEARNS)
def test_the_same_frame_is_answered_as_in_the_environment_of_the_model(site: Site, name: str) -> None:
    folder = site.made(name, "sklearn")
    for kind in ("pipeline", "ada", "pls"):
        model = f"{kind}-{name.replace('.', '-')}"
        manifest = site.serve(folder / f"{kind}.joblib", model)
        assert manifest["runner_environment"] == name
        there = json.loads((folder / f"{kind}.joblib.json").read_text(encoding="utf-8"))
        assert len(there["rows"]) == 50
        same_as_there(site.ask(model, there["rows"]), there)


def test_a_class_of_the_teams_own_wheel_is_served(site: Site) -> None:
    folder = site.made("sklearn-1.6", "sklearn")
    assert site.serve(folder / "own.joblib", "own")["runner_environment"] == "sklearn-1.6"
    there = json.loads((folder / "own.joblib.json").read_text(encoding="utf-8"))
    same_as_there(site.ask("own", there["rows"]), there)


@pytest.mark.parametrize(("name", "file"), [(name, file) for name in LIBRARIES for file in FILES[name]])
def test_models_of_other_libraries_are_answered_as_in_their_environment(site: Site, name: str, file: str) -> None:
    folder = site.made(name, name)
    model = file.partition(".")[0]
    manifest = site.serve(folder / file, model)
    assert manifest["runner_environment"] == name
    there = json.loads((folder / f"{file}.json").read_text(encoding="utf-8"))
    response = site.ask(model, there["rows"])
    has_twin = "absent" not in manifest["twin"]
    same_as_there(response, there, 1e-6 if has_twin else 1e-9)
    assert has_twin == (file in TWINS), manifest["twin"]
    assert response.headers["Model-Runtime"] == ("onnx" if has_twin else "sklearn")


def of_version(content: bytes, version: bytes) -> bytes:
    """An artifact of scikit-learn 1.6.1 as one of another version of as many letters."""
    assert b"1.6.1" in content
    return content.replace(b"1.6.1", version)


def test_an_artifact_without_an_environment_is_refused_with_the_command(site: Site) -> None:
    content = of_version((site.made("sklearn-1.6", "sklearn") / "ada.joblib").read_bytes(), b"1.5.2")
    file = site.models / "of-1.5.joblib"
    file.write_bytes(content)
    with pytest.raises(ServiceRefused) as refusal:
        site.stack.client().publish(file, "older")
    command = "changeover environment add sklearn-1.5 'scikit-learn==1.5.2' 'pandas<2.3'"
    assert refusal.value.status == 422
    assert str(refusal.value.problem["type"]).endswith("no-environment")
    assert command in str(refusal.value.problem["reason"])
    site.drop("incoming/older/dropped.joblib", content)
    rejected = wait_until(
        lambda: [each for each in site.stack.client().versions("older") if each.get("name") == "dropped.joblib"],
        60,
        "the rejection of what was dropped",
    )
    assert rejected[0]["state"] == "rejected"
    assert command in str(rejected[0]["reason"])


def test_the_publishers_own_answers_admit_a_model_of_another_version(site: Site) -> None:
    folder = site.made("sklearn-1.6", "sklearn")
    there = json.loads((folder / "own.joblib.json").read_text(encoding="utf-8"))
    file = site.models / "replayed.joblib"
    file.write_bytes(of_version((folder / "own.joblib").read_bytes(), b"1.5.2"))
    both = zip(there["labels"][:5], there["probabilities"][:5], strict=True)
    outputs = [{"prediction": label, "predict_proba": shares} for label, shares in both]
    draft = Draft(golden={"rows": there["rows"][:5], "outputs": outputs})
    published = site.stack.client().publish(file, "replayed", draft=draft)
    manifest = site.stack.client().manifest(published.version, "replayed")
    assert any("1.5.2" in warning for warning in manifest["warnings"])


def test_an_environment_is_added_by_the_command_of_the_refusal_while_the_stack_runs(site: Site) -> None:
    file = site.made("statistics", "code") / "by-value.cloudpickle"
    with pytest.raises(ServiceRefused) as refusal:
        site.stack.client().publish(file, "by-value")
    reason = str(refusal.value.problem["reason"])
    assert "--allow-code" in reason
    words = shlex.split(reason.partition("publish again: changeover ")[2])
    ended = site.command(*words)
    assert ended.returncode == 0, ended.stderr
    manifest = site.serve(file, "by-value")
    assert manifest["runner_environment"] == words[2]
    there = json.loads((file.with_name(f"{file.name}.json")).read_text(encoding="utf-8"))
    same_as_there(site.ask("by-value", there["rows"]), there)


def test_the_list_shows_the_models_and_one_that_is_used_is_not_removed(site: Site) -> None:
    site.serve(site.made("sklearn-1.6", "sklearn") / "own.joblib", "own")
    home = str(site.stack.home)
    listed = site.command("environment", "list", "--home", home, "--directory", str(site.environments_dir), "--json")
    assert listed.returncode == 0, listed.stderr
    models = {each["name"]: each["models"] for each in json.loads(listed.stdout)["environments"]}
    assert "own" in models["sklearn-1.6"]
    words = ("environment", "remove", "sklearn-1.6", "--home", home, "--directory", str(site.environments_dir))
    refused = site.command(*words)
    assert refused.returncode == 1
    assert "'sklearn-1.6' is used by" in refused.stderr
    assert "sklearn-1.6" in site.environments()


def test_an_instance_without_the_environment_is_not_ready_and_says_so(site: Site, tmp_path: Path) -> None:
    site.serve(site.made("sklearn-1.6", "sklearn") / "own.joblib", "own")
    instances = Instances(tmp_path, site.stack.described.server_url)
    token = (site.stack.home / "secrets" / "report_token").read_text(encoding="utf-8").strip()
    api = instances.start(REPORT_TOKEN=token, MODELS="own", WORKERS="1", START_TIMEOUT="1")
    try:
        reason = "it needs the environment 'sklearn-1.6', which this instance does not have"
        client = site.stack.client()
        wait_until(lambda: reason in json.dumps(client.model("own")["replicas"]), 30, "the report of the reason")
        assert api.get("/readyz").status_code == 503
        assert reason in api.log
    finally:
        instances.end()
