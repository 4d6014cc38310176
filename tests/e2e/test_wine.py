"""Champion and challenger on a real stack with a gate: of three models, the worse one is refused with a reason."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from changeover import Client, evaluated_on
from changeover.json_types import JsonObject
from changeover.up.restart import restart_service
from examples.wine.cut import cut, deliver, keep_held_out
from examples.wine.data import HELD_OUT, INPUTS, SLOTS, read
from examples.wine.retrain import METRIC, MODEL, main
from examples.wine.runs import lines
from tests.conftest import wait_until
from tests.processes.up import RunningStack, launch
from tests.tree import ROOT

GATE = "f1_macro>=current"


@dataclass
class Show:
    """A stack, the folder of the wines, and the output of each of the first runs."""

    stack: RunningStack
    data: Path
    printed: list[str] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return self.stack.client()

    def cron(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the command as cron would: it finds the stack by the environment."""
        described = self.stack.described
        environment = {
            **os.environ,
            "CHANGEOVER_SERVER_URL": described.server_url,
            "CHANGEOVER_TOKEN": described.token,
        }
        command = [sys.executable, "-m", "examples.wine.retrain", "--data", str(self.data), *options]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    def run(self, *options: str) -> int:
        """The same in this process, by the stack's `up.json`."""
        return main(["--data", str(self.data), "--home", str(self.stack.home), *options])

    def ledger(self) -> list[JsonObject]:
        return [entry for entry in self.client.history(MODEL) if entry["state"] == "committed"]

    def answer(self) -> JsonObject:
        wine = cut().held_out.iloc[0]
        answer = self.client.predict({name: float(wine[name]) for name in INPUTS})
        assert isinstance(answer, dict)
        return answer


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """Three slots have arrived, the last with wrong labels, and each was followed by a run."""
    folder = tmp_path_factory.mktemp("wine")
    stack = launch(folder / "home", {"DEFAULT_MODEL": MODEL, "GATE": GATE}, workers=1)
    try:
        show = Show(stack, folder / "data")
        keep_held_out(show.data)
        for number in (1, 2, 3):
            deliver(show.data, number, wrong_labels=number == 3)
            run = show.cron()
            assert run.returncode == 0, run.stderr
            show.printed.append(run.stdout)
        stack.wait_until_held(MODEL, str(lines(show.data)[1]["version"]))
        yield show
    finally:
        stack.stop()


def test_the_first_two_are_promoted_and_the_worse_one_is_refused(show: Show) -> None:
    assert [text.split()[0] for text in show.printed] == ["promoted", "promoted", "refused"]
    assert "gate: f1_macro: no version to compare with" in show.printed[0]
    runs = lines(show.data)
    assert [run["outcome"] for run in runs] == ["promoted", "promoted", "refused"]
    assert [entry["version"] for entry in show.ledger()] == [runs[1]["version"], runs[0]["version"]]
    assert [len(run["slots"]) for run in runs] == [1, 2, 3]
    assert [run["repeated"] for run in runs] == [0, 4, 4]


def test_the_ledger_and_the_refusal_say_what_was_compared(show: Show) -> None:
    first, second, third = lines(show.data)
    assert f"gate: f1_macro {second[METRIC]:.6g} >= {first[METRIC]:.6g}" in str(show.ledger()[0]["reason"])
    assert second[METRIC] >= first[METRIC]
    assert third[METRIC] < second[METRIC]
    for message in (str(third["reason"]), show.printed[2]):
        assert f"f1_macro {third[METRIC]:.6g} < {second[METRIC]:.6g} of {str(second['version'])[:12]}" in message


def test_each_version_carries_its_figure_and_the_digest_of_the_same_held_out_rows(show: Show) -> None:
    held_out = evaluated_on(read((show.data / HELD_OUT).read_bytes(), HELD_OUT))
    for run in lines(show.data)[:3]:
        manifest = show.client.manifest(str(run["version"]), MODEL)
        assert manifest["metrics"] == {METRIC: run[METRIC]}
        assert manifest["evaluation"] == held_out
    assert held_out["rows"] == len(cut().held_out)


def test_predict_answers_by_the_champion(show: Show, tmp_path: Path) -> None:
    answer = show.answer()
    assert answer["model_version"] == lines(show.data)[1]["version"]
    assert show.client.fetch(str(answer["model_version"]), tmp_path / "served.joblib", MODEL) == answer["model_version"]
    assert answer["classes"] == ["class_0", "class_1", "class_2"]
    assert answer["prediction"] in answer["classes"]


def test_a_refused_version_is_not_promoted_by_a_restart(show: Show) -> None:
    before = show.ledger()
    restart_service(show.stack.home, "model_server", 120)
    assert show.ledger() == before
    assert show.answer()["model_version"] == lines(show.data)[1]["version"]


def test_without_a_new_slot_nothing_is_done(show: Show) -> None:
    before = lines(show.data)
    run = show.cron()
    assert (run.returncode, run.stdout.split(" in ")[0], run.stderr) == (0, "nothing new", "")
    assert lines(show.data) == before


def test_a_refusal_fails_a_strict_run_only(show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    assert show.run("--again") == 0
    assert show.run("--again", "--strict") == 3
    assert capsys.readouterr().out.count("refused") >= 2


def test_a_broken_slot_fails_the_run_and_the_champion_goes_on(show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    broken = show.data / SLOTS / "slot-04.csv"
    broken.write_text((show.data / HELD_OUT).read_text().replace("class_1", "class_one", 1))
    before = show.ledger()
    try:
        assert show.run() == 1
        assert "slot-04.csv: row" in capsys.readouterr().err
        assert lines(show.data)[-1]["outcome"] == "failed"
        assert show.run() == 1  # the next run tries the failed slot again
    finally:
        broken.unlink()
    assert show.ledger() == before


def test_other_held_out_rows_are_not_compared(show: Show) -> None:
    held_out = show.data / HELD_OUT
    kept = held_out.read_text()
    try:
        held_out.write_text("".join(kept.splitlines(keepends=True)[:-5]))
        deliver(show.data, 3)
        assert show.run("--strict") == 3
        assert "measured on other held-out data" in str(lines(show.data)[-1]["reason"])
    finally:
        held_out.write_text(kept)
        deliver(show.data, 3, wrong_labels=True)


def test_the_same_wines_once_more_change_nothing(show: Show) -> None:
    third = show.data / SLOTS / "slot-03.csv"
    before = show.ledger()
    try:
        third.write_text((show.data / SLOTS / "slot-01.csv").read_text())
        assert show.run() == 0
        assert lines(show.data)[-1]["outcome"] == "unchanged"
    finally:
        deliver(show.data, 3, wrong_labels=True)
    assert show.ledger() == before


def of_home(home: Path) -> list[psutil.Process]:
    """The processes whose command line names `home`."""
    return [
        process for process in psutil.process_iter(["cmdline"]) if str(home) in " ".join(process.info["cmdline"] or [])
    ]


def test_the_show_ends_by_itself_and_runs_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    texts = []
    for _ in range(2):
        show = subprocess.run(
            [sys.executable, "examples/wine/demo.py", "--home", str(home)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert show.returncode == 0, show.stderr
        texts.append(show.stdout)
        wait_until(lambda: not of_home(home), 10, "the end of every process")
    first, again = texts
    assert [line.split()[0] for line in first.splitlines() if " wines (" in line] == ["promoted", "promoted", "refused"]
    answers = [json.loads(line) for text in texts for line in text.splitlines() if line.startswith("  {")]
    assert answers[0] == answers[1]
    assert f"/predict answers by {answers[0]['model_version']}" in again
    assert again.count("nothing new") == 3
    assert [line for line in first.splitlines() if line.startswith("  2  ")] == [
        line for line in again.splitlines() if line.startswith("  2  ")
    ]
