"""A person at the command line, and one in a notebook, on a whole stack."""

import getpass
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import requests
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import changeover
from changeover.client.upload import sha256_of_file
from changeover.exceptions import ServiceRefused
from changeover.json_types import JsonObject
from tests.conftest import wait_until
from tests.processes.up import RunningStack

X = pd.DataFrame(np.random.default_rng(1).normal(size=(200, 3)), columns=["age", "income", "debt"])


def fitted(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength)).fit(X, X["debt"] > X["income"])


def saved(folder: Path, strength: float) -> Path:
    path = folder / f"model-{strength}.joblib"
    joblib.dump(fitted(strength), path)
    return path


class Person:
    """A user of the command line; each output is read as JSON."""

    def __init__(self, stack: RunningStack, model: str) -> None:
        self._stack = stack
        self.model = model

    def types(self, *words: str, code: int = 0, named: bool = True) -> JsonObject:
        model = ["-m", self.model] if named else []
        line = [sys.executable, "-m", "changeover", *words, *model, "--json", "--home", str(self._stack.home)]
        ended = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == code, ended.stdout + ended.stderr
        answer: JsonObject = json.loads(ended.stdout or ended.stderr)
        return answer

    def reads(self, *words: str) -> str:
        line = [sys.executable, "-m", "changeover", *words, "-m", self.model, "--home", str(self._stack.home)]
        return subprocess.run(line, capture_output=True, text=True, timeout=120, check=True).stdout


def answered_by(stack: RunningStack, model: str) -> str | None:
    try:
        answer = stack.client().predict({"age": 1.0, "income": 0.5, "debt": "2"}, model)
    except ServiceRefused:
        return None
    assert isinstance(answer, dict)
    return str(answer["model_version"])


def test_push_roll_verify_rollback_and_history(running_stack: RunningStack, tmp_path: Path) -> None:
    person = Person(running_stack, "loan")
    first, second = saved(tmp_path, 1.0), saved(tmp_path, 0.01)
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps(X.head(3).to_dict(orient="records")))

    pushed = person.types(
        "push", str(first), "--roll", "--metrics", "auc=0.9", "--example", str(rows), "--reason", "why"
    )
    assert pushed["version"] == sha256_of_file(first)
    assert pushed["created"] is True
    running_stack.wait_until_held("loan", str(pushed["version"]))
    assert answered_by(running_stack, "loan") == pushed["version"]

    candidate = person.types("push", str(second))
    assert candidate["state"] == "admitted"
    again = person.types("push", str(second))
    assert (again["version"], again["created"]) == (candidate["version"], False)
    assert answered_by(running_stack, "loan") == pushed["version"]

    rolled = person.types("roll")
    assert (rolled["state"], rolled["version"], rolled["previous"]) == (
        "committed",
        candidate["version"],
        pushed["version"],
    )
    assert answered_by(running_stack, "loan") == candidate["version"]
    assert person.types("verify")["ok"] is True

    back = person.types("rollback", "--reason", "the second was worse")
    assert (back["state"], back["version"]) == ("committed", pushed["version"])
    assert answered_by(running_stack, "loan") == pushed["version"]
    checked = {check["name"]: check["ok"] for check in person.types("verify")["checks"]}
    assert checked["golden rows"] is True
    assert checked["predict_api answers by it"] is True

    history = person.types("history")["rollouts"]
    assert [entry["version"] for entry in history] == [pushed["version"], candidate["version"], pushed["version"]]
    assert [entry["reason"] for entry in history][::2] == ["the second was worse", "why"]
    then = person.types("history", "--at", history[1]["rolled_at"])["rollouts"]
    assert [entry["version"] for entry in then] == [candidate["version"]]

    states = {entry["version"]: entry["state"] for entry in person.types("list")["versions"]}
    assert states == {pushed["version"]: "current", candidate["version"]: "retired"}
    assert person.types("show", str(pushed["version"])[:8])["metrics"] == {"auc": 0.9}
    assert str(pushed["version"])[:12] in person.reads("list")
    assert "auc=0.9" in person.reads("show", str(pushed["version"])[:8])
    assert "the second was worse" in person.reads("history")
    assert "sequence 3" in person.reads("show")
    user = f"{getpass.getuser()}@{socket.gethostname()}"
    assert {(entry["by"], entry["on_behalf_of"]) for entry in history} == {("publish-token", user)}
    assert user in person.reads("history")


def test_the_links_of_up_and_of_ui_log_a_browser_in_once(running_stack: RunningStack) -> None:
    printed = re.search(r"http://\S+/ui/login\?link=\S+", running_stack.printed())
    assert printed
    for link in (printed[0], str(Person(running_stack, "loan").types("ui", named=False)["url"])):
        entered = requests.get(link, allow_redirects=False, timeout=30)
        assert entered.status_code == 303
        page = requests.get(f"{running_stack.described.server_url}/ui/session", cookies=entered.cookies, timeout=30)
        assert "<strong>publish-token</strong>" in page.text
        assert requests.get(link, allow_redirects=False, timeout=30).status_code == 401


def test_what_is_refused_says_why(running_stack: RunningStack, tmp_path: Path) -> None:
    person = Person(running_stack, "refused")
    person.types("push", str(saved(tmp_path, 0.2)), "--roll")
    (tmp_path / "page.joblib").write_text("<html>not a model</html>")
    refusal = person.types("push", str(tmp_path / "page.joblib"), code=1)
    assert (refusal["kind"], refusal["status"]) == ("ServiceRefused", 422)
    assert person.types("roll", "deadbeef", code=1)["status"] == 404
    assert "no admitted version" in str(person.types("roll", code=1)["error"])
    listed = person.types("list")["versions"]
    assert [(entry["state"], entry.get("name")) for entry in listed] == [("rejected", "page.joblib"), ("current", None)]
    assert listed[0]["reason"] == refusal["problem"]["reason"]
    assert "page.joblib" in person.reads("list")


def test_one_line_in_a_notebook_publishes_with_schema_and_golden_rows(running_stack: RunningStack) -> None:
    published = changeover.publish(
        fitted(0.5), "notebook", example=X, metrics={"auc": 0.8}, roll=True, home=running_stack.home
    )
    assert (published.state, published.created) == ("current", True)
    manifest = running_stack.client().manifest(published.version, "notebook")
    assert [column["name"] for column in manifest["schema"]["columns"]] == ["age", "income", "debt"]
    assert len(manifest["golden"]["rows"]) == len(manifest["golden"]["outputs"]) >= 10
    assert manifest["golden"]["recorded_by"] == "publisher"
    assert manifest["environment"]["scikit-learn"]
    running_stack.wait_until_held("notebook", published.version)
    assert answered_by(running_stack, "notebook") == published.version


def test_predict_prints_the_answer(running_stack: RunningStack, tmp_path: Path) -> None:
    person = Person(running_stack, "asked")
    version = person.types("push", str(saved(tmp_path, 0.3)), "--roll")["version"]
    running_stack.wait_until_held("asked", str(version))
    (tmp_path / "body.json").write_text(json.dumps([{"age": 1, "income": 2, "debt": 3}]))
    output = person.types("predict", str(tmp_path / "body.json"))
    assert output["model_version"] == version
    assert len(output["predictions"]) == 1
    (tmp_path / "body.json").write_text(json.dumps({"age": 1, "income": "much", "debt": 3}))
    fault = person.types("predict", str(tmp_path / "body.json"), code=1)
    assert fault["problem"]["errors"][0]["field"] == "income"


def test_a_wrong_token_changes_nothing_and_doctor_names_it(
    running_stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEOVER_SERVER_URL", running_stack.described.server_url)
    monkeypatch.setenv("CHANGEOVER_TOKEN", "a-wrong-token-of-some-length")
    with pytest.raises(ServiceRefused) as refused:
        changeover.Client().publish(saved(tmp_path, 0.7), "loan")
    assert refused.value.status == 401
    line = [sys.executable, "-m", "changeover", "doctor", "--json"]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert [check["name"] for check in json.loads(ended.stdout)["checks"] if not check["ok"]] == [
        "predict_api",
        "token",
    ]


def test_doctor_finds_nothing_wrong_with_a_stack_that_works(running_stack: RunningStack) -> None:
    def fine() -> bool:
        line = [sys.executable, "-m", "changeover", "doctor", "--json", "--home", str(running_stack.home)]
        ended = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        report = json.loads(ended.stdout)
        return ended.returncode == 0 and bool(report["ok"])

    wait_until(fine, 30, "a healthy stack")
