"""The text of `changeover watch`: the tree, and the line that changes only when something happened."""

import click

from changeover.cli.watch_tree import summary, tree
from changeover.json_types import Json, JsonObject

CURRENT: JsonObject = {
    "version": "a" * 64,
    "sequence": 6,
    "since": "2026-11-26T20:52:04.140697Z",
    "by": "ann",
    "reason": "better\x1b[31m",
    "runtime": "onnx",
}
ROLLING: JsonObject = {
    "version": "b" * 64,
    "state": "preparing",  # a body of the wire
    "ready": 1,
    "seconds": 3.26,
    "deadline_s": 56.7,
    "phases": [
        {"name": "prepare", "place": "now", "seconds": 3.26},
        {"name": "fence", "place": "to come", "seconds": None},
    ],
}


def worker(pid: int, level: str, word: str, why: str = "") -> JsonObject:
    return {"host": "web-2", "pid": pid, "level": level, "word": word, "why": why, "silent_s": 0.21}


def live(workers: list[Json], **more: Json) -> JsonObject:
    verdict: JsonObject = {"level": "green", "word": "confirmed", "sentence": "All 2 workers answer."}
    numbers: JsonObject = {"confirmed": 2, "awaited": 2, "oldest_s": 0.4, "more_workers": 0}
    body: JsonObject = {"model": "loan", "verdict": verdict, "current": CURRENT, "rolling": None, "last": None}
    return {**body, **numbers, "workers": workers, **more}


def text(lines: list[str]) -> list[str]:
    return [click.unstyle(line) for line in lines]


def test_the_tree_of_a_rollout_has_its_phases_and_workers() -> None:
    lines = text(tree(live([worker(3, "green", "ready"), worker(14, "busy", "preparing")], rolling=ROLLING)))
    assert lines[0] == "loan  ✔ confirmed  All 2 workers answer."
    assert lines[1] == "├─ current  aaaaaaaaaaaa  sequence 6  onnx"
    assert lines[3] == "│  ├─ by ann: better\\x1b[31m"
    assert lines[4] == "│  └─ 2 of 2 workers confirmed, the oldest 0.4 s ago"
    assert lines[5] == "├─ rolling  bbbbbbbbbbbb  preparing  1 of 2 ready, 57 s to the deadline"
    assert lines[6:8] == ["│  ├─ ◌ prepare  3.3 s", "│  └─ · fence    to come"]
    assert lines[8] == "└─ workers  2"
    assert lines[9:] == ["   ├─ ✔ web-2/3   ready      0.2 s ago", "   └─ ◌ web-2/14  preparing  0.2 s ago"]


def test_an_aborted_rollout_and_a_failed_worker_say_why() -> None:
    last: JsonObject = {"version": "b" * 64, "state": "aborted", "committed": False, "reason": "no trees"}
    body = live([worker(3, "red", "failed", "no trees")], last={**last, "rolled_at": "", "phases": None})
    lines = text(tree(body))
    assert "│  └─ no trees" in lines
    assert lines[-1].endswith("0.2 s ago  no trees")
    assert summary(body) == (
        "loan | confirmed | aaaaaaaaaaaa sequence 6 | web-2/3 failed: no trees | the roll to bbbbbbbbbbbb was aborted: no trees"
    )


def test_without_a_version_there_is_a_tree_too() -> None:
    lines = text(tree(live([], current=None)))
    assert lines[1:] == ["└─ workers  0"]
    assert summary(live([], current=None)) == "loan | confirmed"


def test_the_line_is_the_same_while_only_seconds_pass() -> None:
    later = {**ROLLING, "seconds": 9.9, "deadline_s": 1.0}
    assert summary(live([], rolling=ROLLING)) == summary(live([], rolling=later))
    ready = {**ROLLING, "ready": 2}
    assert summary(live([], rolling=ROLLING)) != summary(live([], rolling=ready))


def test_the_tree_has_the_requests_of_the_last_minutes() -> None:
    traffic: JsonObject = {"seconds": 240.0, "requests": 960, "per_second": 4.0, "p50_ms": 2.0, "p99_ms": None}
    shares: JsonObject = {"failed_share": 0.0125, "stale_share": 0.0}
    lines = text(tree(live([], traffic={**traffic, **shares})))
    assert "│  └─ 4.0 requests/s in the last 240 s, p50 2 ms, p99 beyond the bins, 1.2% failed, none stale" in lines
    assert "│  └─ no request in the last 3.0 s" in text(tree(live([], traffic={"seconds": 3.0, "requests": 0})))


def test_the_tree_has_the_failures_of_a_watch() -> None:
    last: JsonObject = {"version": "b" * 64, "state": "committed", "committed": True, "rolled_at": "", "phases": None}
    watch: JsonObject = {
        "left_s": 590.2,
        "before": 200,
        "after": 31,
        "failures": {"before": 2, "after": 1, "line": 0.01},
    }
    assert "│  └─ watch  1 of 31 requests failed, before the switch 2 of 200  590 s left" in text(
        tree(live([], last=last, watch=watch))
    )
