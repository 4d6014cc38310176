"""The verb `changeover check-history`: its output and its exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from changeover.cli.main import main
from changeover.consistency.records import Answer, Fault, Final, Record, ReplicaState, write
from changeover.protocol.wire import Current

A, B = "a" * 64, "b" * 64
GOOD = Answer("m", 0.0, 0.25, True, 200, 1, A)
BACK = (Answer("m", 1.0, 2.0, True, 200, 2, B), Answer("m", 3.0, 4.0, True, 200, 1, A))


@pytest.fixture
def recorded(tmp_path: Path):
    def record(*records: Record) -> str:
        path = tmp_path / "history.jsonl"
        path.write_text("".join(write(records)), encoding="utf-8")
        return str(path)

    return record


def judge(*words: str, standard_input: str | None = None) -> Result:
    return CliRunner().invoke(main, ["check-history", *words], input=standard_input)


def test_a_history_without_a_fault_ends_with_0_and_its_numbers(recorded) -> None:
    result = judge(recorded(GOOD))
    assert result.exit_code == 0
    output = result.stdout.splitlines()
    for line in ("requests 1", "failed 0", "stale share 0.00%", "worst latency 250.0 ms", "violations 0"):
        assert line in [" ".join(one.split()) for one in output]
    assert "no promise was broken" in output


def test_the_output_names_the_promises_that_were_not_judged(recorded) -> None:
    final = Final("m", 9.0, (Current(1, A),), (A,), (ReplicaState("r", 1, A, False),))
    assert "no final state was recorded" in judge(recorded(GOOD)).stdout
    assert "no final state was recorded" not in judge(recorded(GOOD, final)).stdout


def test_a_broken_promise_ends_with_1_and_is_printed(recorded) -> None:
    result = judge(recorded(*BACK))
    assert result.exit_code == 1
    assert "at 4.000000 s, no way back: " in result.stdout


def test_many_violations_are_abridged_as_text_and_complete_as_json(recorded) -> None:
    path = recorded(*(Answer("m", 0.0, 1.0, False, 503, error="no-model") for _ in range(50)))
    assert "... and 30 more" in judge(path).stdout
    result = judge(path, "--json")
    assert result.exit_code == 1
    output = json.loads(result.stdout)
    assert output["ok"] is False
    assert output["counts"]["failed"] == len(output["violations"]) == 50
    assert output["violations"][0]["promise"] == "availability"


def test_the_time_for_convergence_is_an_option(recorded) -> None:
    final = Final("m", 9.0, (Current(1, A),), (A,), (ReplicaState("r", 1, A, False),))
    path = recorded(GOOD, Fault("model_server is killed", 1.0, 2.0), final)
    assert judge(path).exit_code == 1
    assert judge(path, "--converge-within", "7").exit_code == 0


def test_a_history_is_taken_from_standard_input() -> None:
    assert judge("-", standard_input="".join(write(BACK))).exit_code == 1


def test_a_file_that_is_no_history_is_named_with_its_line(recorded) -> None:
    path = recorded(GOOD)
    with Path(path).open("a", encoding="utf-8") as file:
        file.write('{"kind": "answer", "mod')
    result = judge(path)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {path}, line 2: ")
    assert json.loads(judge(path, "--json").stderr)["kind"] == "MalformedHistory"


def test_an_empty_file_proves_nothing(recorded) -> None:
    result = judge(recorded())
    assert result.exit_code == 1
    assert "nothing to judge" in result.stderr


def test_a_file_that_is_not_there_is_named() -> None:
    result = judge("nowhere.jsonl")
    assert result.exit_code == 2
    assert "nowhere.jsonl" in result.stderr
