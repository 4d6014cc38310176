"""Text of other origin on a terminal and in the log: control characters in it have no effect."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from changeover.cli import output
from changeover.cli.list import _models
from changeover.cli.main import main
from changeover.cli.show import _manifest, _model
from changeover.exceptions import ServiceRefused
from changeover.json_types import JsonObject
from changeover.process import log_events
from changeover.process.visible import dumps, visible
from changeover.up.log_tail import LogTail

ACTING = ["\x1b", "\x9b", "\x00", "\x07", "\x08", "\r", "\n", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\u200f"]
ACTING += ["\ud800", "\U000e0041"]
NASTY = "".join(f"a{character}b" for character in ACTING)


def acts(text: str) -> list[str]:
    """The control characters of `text` except its line ends."""
    return [character for character in ACTING if character in text and character != "\n"]


def test_every_acting_character_becomes_an_escape_and_no_other() -> None:
    assert visible("\x1b[31m\n\x9b\u202e") == "\\x1b[31m\\n\\x9b\\u202e"
    assert visible("Zürich, 東京, 🎬 é\u0301") == "Zürich, 東京, 🎬 é\u0301"
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"
    assert acts(visible(NASTY)) == []
    assert "\n" not in visible(NASTY)


def test_json_reads_back_as_it_was_and_holds_no_acting_character() -> None:
    body = {NASTY: [NASTY, "🎬"]}
    assert json.loads(dumps(body)) == body
    assert acts(dumps(body, indent=2)) == []
    assert "🎬" in dumps(body)


@pytest.mark.parametrize("as_json", [True, False])
def test_no_verb_prints_what_acts(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"name": NASTY}
    refused = ServiceRefused(422, {"title": NASTY, "detail": NASTY, "errors": [{"field": NASTY, "message": NASTY}]})
    refused.problem["diff"] = {"changes": [{"breaks": True, "says": NASTY}]}
    output.answer(body, [NASTY, *output.table([NASTY], [[NASTY]])], as_json)
    output.answer(body, NASTY, as_json)
    output.fail(refused, as_json)
    output.say(NASTY)
    printed = capsys.readouterr()
    assert acts(printed.out + printed.err) == []
    if not as_json:
        assert len(printed.out.splitlines()) == 5


def test_a_value_begins_no_line_of_its_own() -> None:
    forged = "x\nreplica   forged"
    replica: JsonObject = {"replica": forged, "host": forged, "held": None}
    lines = _model(forged, {"replicas": [replica], "rollout": {"state": forged, "version": forged}})
    lines += _manifest({"description": forged, "warnings": [forged], "provenance": {"name": forged}})
    assert not [line for line in map(visible, lines) if line.startswith("replica   forged")]
    assert len(_models([{"model": forged, "current": {"version": "a", "sequence": forged}}])) == 2


def test_a_wrong_command_line_is_quoted_without_what_acts() -> None:
    printed = CliRunner().invoke(main, ["show", "--json", f"--{NASTY}"])
    assert acts(printed.output) == []


def test_no_line_of_the_log_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    log_events.configure("test")
    log_events.event("upload.seen", name=NASTY, error=ValueError(NASTY))
    log_events.flush()
    line = stream.getvalue()
    assert acts(line) == []
    assert json.loads(line)["name"] == NASTY


def test_up_repeats_a_childs_event_without_what_acts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "model_server.log"
    log.write_text(json.dumps({"event": NASTY, "level": "error", "reason": NASTY}) + "\n", encoding="utf-8")
    for line in LogTail("model_server", log).read(0.0):
        output.say(line)
    assert acts(capsys.readouterr().out) == []
