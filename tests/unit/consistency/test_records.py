"""Histories as files: what is written is read back, and an invalid line is refused by its number."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changeover.consistency.check import check
from changeover.consistency.counts import count
from changeover.consistency.records import (
    UNKNOWN,
    Answer,
    Fault,
    Final,
    History,
    MalformedHistory,
    Publish,
    ReplicaState,
    Rollout,
    read,
    write,
)
from changeover.consistency.violation import Promise
from changeover.protocol.wire import Current
from tests.tree import ROOT

A, B = "a" * 64, "b" * 64
ANSWER = {
    "kind": "answer",
    "model": "m",
    "start": 1.0,
    "end": 2.0,
    "ok": True,
    "sequence": 1,
    "version": A,
    "stale": False,
}
ROLLOUT = {"kind": "rollout", "model": "m", "sequence": 1, "version": A, "state": "committed", "start": 0, "end": 1}
FINAL = {"kind": "final", "model": "m", "at": 9, "ledger": [], "versions": [], "replicas": []}
LEDGER_ENTRY = {"sequence": 1, "version": A}
REPLICA = {"replica": "r", "sequence": 1, "version": A, "stale": False}

text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
sequence = st.integers(0, 10**9)
moment = st.floats(0, 1e9)
span = st.tuples(moment, moment).map(sorted)


@st.composite
def records(draw: st.DrawFn):
    start, end = draw(span)
    kind = draw(st.sampled_from([Answer, Rollout, Publish, Fault, Final]))
    if kind is Answer:
        seen = draw(st.lists(text, max_size=2).map(tuple))
        details = (draw(sequence), draw(text), draw(st.booleans()), draw(st.none() | text), seen, draw(text), "")
        return Answer(draw(text), start, end, draw(st.booleans()), draw(st.integers(0, 599)), *details)
    if kind is Rollout:
        state = draw(st.sampled_from(["committed", "aborted", UNKNOWN]))
        number = draw(sequence if state == "committed" else st.none() | sequence)
        return Rollout(draw(text), draw(text), state, start, end, number)
    if kind is Publish:
        return Publish(draw(text), draw(text), draw(st.sampled_from(["admitted", "rejected", UNKNOWN])), start, end)
    if kind is Fault:
        return Fault(draw(text), start, end)
    ledger = draw(st.lists(st.builds(Current, sequence, text), max_size=3).map(tuple))
    held = st.builds(ReplicaState, text, st.none() | sequence, st.none() | text, st.booleans())
    versions = draw(st.lists(text, max_size=3).map(tuple))
    return Final(draw(text), end, ledger, versions, draw(st.lists(held, max_size=3).map(tuple)))


@given(st.lists(records(), max_size=5))
def test_what_is_written_is_read_back(written) -> None:
    history = History.of(written)
    lines = list(write(history.records()))
    assert read(lines) == history
    assert read(line.encode() for line in lines) == history
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)


def test_lines_come_in_any_order_and_what_is_not_known_is_ignored() -> None:
    history = read([json.dumps(FINAL), "", json.dumps(ANSWER | {"replica": "r-1"}), "\n"])
    assert history.answers == [Answer("m", 1.0, 2.0, True, 0, 1, A)]
    assert len(history.finals) == 1


def test_an_answer_that_failed_needs_no_sequence_and_no_version() -> None:
    failed = {"kind": "answer", "model": "m", "start": 1, "end": 2, "ok": False, "status": None, "version": None}
    assert read([json.dumps(failed)]).answers == [Answer("m", 1.0, 2.0, False, 0)]


BROKEN = [
    ("{", "not JSON"),
    ('{"kind": "answer", "model": "m", "sta', "cut off"),
    (b'{"kind": "\xff"}', "utf-8"),
    ("[" * 100_000, "not JSON"),
    ("[1]", "Expected `object`"),
    ({"kind": "reply"}, "'reply' - at `$.kind`"),
    ({"kind": ["answer"]}, "$.kind"),
    ({}, "`kind`"),
    (ANSWER | {"model": None}, "missing required field `model`"),
    (ANSWER | {"model": ""}, "$.model"),
    (ANSWER | {"model": 7}, "Expected `str`, got `int` - at `$.model`"),
    (ANSWER | {"ok": 1}, "$.ok"),
    (ANSWER | {"version": None}, "the answer has no 'version'"),
    (ANSWER | {"version": ""}, "the answer has no 'version'"),
    (ANSWER | {"stale": None}, "'stale'"),
    (ANSWER | {"sequence": None, "stale": None}, "'sequence' and no 'stale'"),
    (ANSWER | {"sequence": True}, "$.sequence"),
    (ANSWER | {"sequence": -1}, "$.sequence"),
    (ANSWER | {"sequence": 1.5}, "$.sequence"),
    (ANSWER | {"start": "1"}, "$.start"),
    (ANSWER | {"start": 1e16}, "$.start"),
    (ANSWER | {"start": float("nan")}, "not JSON"),
    (ANSWER | {"end": float("inf")}, "not JSON"),
    (ANSWER | {"end": 10**400}, "out of range"),
    (ANSWER | {"start": 3.0}, "before its start"),
    (ANSWER | {"versions_seen": A}, "$.versions_seen"),
    (ANSWER | {"versions_seen": [1]}, "$.versions_seen[0]"),
    (ANSWER | {"computed_by": 1}, "$.computed_by"),
    (ROLLOUT | {"state": "preparing"}, "matching regex '^(committed|aborted|unknown)$' - at `$.state`"),
    (ROLLOUT | {"state": ["committed"]}, "$.state"),
    (ROLLOUT | {"sequence": None}, "the rollout has no 'sequence'"),
    (ROLLOUT | {"kind": "publish"}, "^(admitted|rejected|unknown)$"),
    ({"kind": "fault", "start": 1, "end": 2}, "`what`"),
    (FINAL | {"at": None}, "`at`"),
    (FINAL | {"versions": None}, "`versions`"),
    (FINAL | {"ledger": None}, "`ledger`"),
    (FINAL | {"ledger": {}}, "$.ledger"),
    (FINAL | {"ledger": [1]}, "$.ledger[0]"),
    (FINAL | {"ledger": [{"sequence": 1}]}, "missing required field `version` - at `$.ledger[0]`"),
    (FINAL | {"replicas": [REPLICA | {"stale": None}]}, "$.replicas[0].stale"),
    (FINAL | {"replicas": [REPLICA | {"sequence": "1"}]}, "$.replicas[0].sequence"),
]


@pytest.mark.parametrize(("line", "reason"), BROKEN)
def test_a_line_that_is_no_record_is_named_with_its_member(line, reason) -> None:
    broken = json.dumps(line) if isinstance(line, dict) else line
    with pytest.raises(MalformedHistory) as caught:
        read([json.dumps(FINAL | {"ledger": [LEDGER_ENTRY], "replicas": [REPLICA]}), "", broken])
    assert str(caught.value).startswith("line 3: ")
    assert reason in str(caught.value)


def test_a_history_in_numbers() -> None:
    answers = [
        Answer("m", 0.0, 0.5, True, 200, 1, A),
        Answer("m", 1.0, 1.25, True, 200, 1, A, stale=True),
        Answer("m", 2.0, 2.75, False, 503, stale=True),
    ]
    rollouts = [Rollout("m", A, "committed", 0.0, 1.0, 1), Rollout("m", B, UNKNOWN, 1.0, 2.0)]
    counts = count(History.of([*answers, *rollouts, Publish("m", A, "admitted", 0, 0), Fault("kill", 0, 1)]))
    assert (counts.requests, counts.failed, counts.stale_share) == (3, 1, 0.5)
    assert (counts.rollouts, counts.committed, counts.publishes, counts.faults) == (2, 1, 1, 1)
    assert counts.worst_latency_s == 0.75


def test_no_history_in_numbers_is_no_error() -> None:
    counts = count(History())
    assert (counts.requests, counts.stale_share, counts.worst_latency_s) == (0, 0.0, 0.0)


def test_the_history_in_the_documents_has_every_kind_of_record_and_keeps_every_promise() -> None:
    page = (ROOT / "docs" / "histories.md").read_text(encoding="utf-8")
    history = read(page.split("```jsonl\n")[1].split("```")[0].splitlines())
    assert {type(record) for record in history.records()} == {Answer, Rollout, Publish, Fault, Final}
    assert check(history) == []


def test_the_documents_name_every_promise() -> None:
    page = (ROOT / "docs" / "histories.md").read_text(encoding="utf-8")
    table = page.split("| promise | broken by |\n|---|---|\n")[1].split("\n\n")[0]
    assert {row.split("|")[1].strip() for row in table.splitlines()} == {str(one) for one in Promise}
