"""The example of `make run`: it answers two bodies, uses kept data again, and leaves no process after Ctrl-C."""

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from changeover.client.upload import sha256_of_file
from tests.conftest import wait_until
from tests.processes.service import gone
from tests.processes.up import command, start
from tests.tree import ROOT


def run_until_it_shows_what_next(
    home: Path, line: list[str], environment: Mapping[str, str] = os.environ, folder: Path = ROOT
) -> tuple[str, list[dict[str, object]]]:
    """The output of one run, which Ctrl-C ends, and the ledger after it."""
    demo = start(line, home, environment, folder)
    try:
        wait_until(
            lambda: demo.process.poll() is not None or "Ctrl-C ends it; the models" in demo.printed(), 90, "the end"
        )
        assert demo.process.poll() is None, demo.printed()
        processes = demo.processes()
        assert len(processes) >= 7
        ledger = demo.client().history("segmentation")
    finally:
        code = demo.stop(signal.SIGINT)
    assert code == 0
    wait_until(lambda: gone(processes), 10, "the end of every process")
    return demo.printed(), [dict(entry) for entry in ledger]


def answers_in(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("  {")]


def test_two_runs_answer_both_bodies_by_one_version(tmp_path: Path) -> None:
    home = tmp_path / "home"
    text, ledger = run_until_it_shows_what_next(home, command(home, "demo"))
    version = sha256_of_file(home / "example" / "model.joblib")
    single, *batch, last = answers_in(text)
    assert set(single) == {"prediction", "predict_proba", "classes", "model_version"}
    assert single["model_version"] == last["model_version"] == version
    assert [set(row) for row in batch] == [{"prediction", "predict_proba"}] * 4
    assert [entry["version"] for entry in ledger] == [version]

    again, ledger_again = run_until_it_shows_what_next(home, command(home, "demo"))
    assert answers_in(again) == answers_in(text)
    assert "published" not in again
    assert "wrote" not in again
    assert ledger_again == ledger


def test_with_json_every_line_is_an_event_for_programs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    text, ledger = run_until_it_shows_what_next(home, [*command(home, "demo"), "--json"])
    events = [json.loads(line) for line in text.splitlines()]
    assert all(set(event) - {"answer"} == {"event"} for event in events)
    single, batch = (event["answer"] for event in events if "answer" in event)
    assert single["model_version"] == batch["model_version"] == ledger[0]["version"]
    assert len(batch["predictions"]) == 4
