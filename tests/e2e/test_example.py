"""The example as `make run` shows it: two bodies answered, kept data used again, Ctrl-C leaves nothing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from changeover import Client
from changeover.client.upload import sha256_of_file
from tests.conftest import wait_until
from tests.e2e.test_up import gone

COMMAND = [sys.executable, "-m", "changeover"]


def run_until_it_shows_what_next(
    home: Path,
    output: Path,
    command: list[str] = COMMAND,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> tuple[str, list[dict[str, object]]]:
    """What one run printed and the ledger it left; ended by Ctrl-C."""
    line = [*command, "demo", "--home", str(home), "--predict-port", "0", "--server-port", "0", *options]
    with output.open("wb") as file:
        demo = subprocess.Popen(line, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: demo.poll() is not None or "Ctrl-C ends it; the models" in output.read_text(), 90, "the end")
        assert demo.poll() is None, output.read_text()
        processes = psutil.Process(demo.pid).children(recursive=True)
        assert len(processes) >= 6
        ledger = Client(home=home).history("segmentation")
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(120)
    assert code == 0
    wait_until(lambda: gone(processes), 10, "the end of every process")
    return output.read_text(), [dict(entry) for entry in ledger]


def answers_in(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("  {")]


def test_two_runs_answer_both_bodies_by_one_version(tmp_path: Path) -> None:
    home = tmp_path / "home"
    text, ledger = run_until_it_shows_what_next(home, tmp_path / "first")
    version = sha256_of_file(home / "example" / "model.joblib")
    single, *batch, last = answers_in(text)
    assert set(single) == {"prediction", "predict_proba", "classes", "model_version"}
    assert single["model_version"] == last["model_version"] == version
    assert [set(row) for row in batch] == [{"prediction", "predict_proba"}] * 4
    assert [entry["version"] for entry in ledger] == [version]

    again, ledger_again = run_until_it_shows_what_next(home, tmp_path / "second")
    assert answers_in(again) == answers_in(text)
    assert "published" not in again
    assert "wrote" not in again
    assert ledger_again == ledger


def test_with_json_every_line_is_an_event_for_programs(tmp_path: Path) -> None:
    text, ledger = run_until_it_shows_what_next(tmp_path / "home", tmp_path / "output", options=("--json",))
    events = [json.loads(line) for line in text.splitlines()]
    assert all(set(event) - {"answer"} == {"event"} for event in events)
    single, batch = (event["answer"] for event in events if "answer" in event)
    assert single["model_version"] == batch["model_version"] == ledger[0]["version"]
    assert len(batch["predictions"]) == 4
