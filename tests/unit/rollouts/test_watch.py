"""The judgement of a watch: failures after a switch, against those before it."""

import pytest

from changeover.protocol.watch_counts import LABEL_BINS, WatchCounts
from model_server.rollouts.watch import FAILING, Watch

WATCH = Watch(600.0)


def counts(after: int, failed: int, before: int = 0, before_failed: int = 0) -> WatchCounts:
    return WatchCounts("r", before, before_failed, after, failed)


@pytest.mark.parametrize(
    ("after", "failed", "left"),
    [(0, 0, False), (4, 4, False), (5, 5, True), (1000, 10, False), (1000, 40, True), (100_000, 900, False)],
)
def test_a_version_leaves_its_line_by_strong_evidence_of_several_failures(after: int, failed: int, left: bool) -> None:
    assert bool(WATCH.why(counts(after, failed))) is left


def test_a_version_that_fails_as_often_as_the_one_before_stays() -> None:
    assert WATCH.line(counts(0, 0, before=99, before_failed=50)) == FAILING
    assert 0.05 < WATCH.line(counts(0, 0, before=1000, before_failed=50)) < 0.07
    assert not WATCH.why(counts(1000, 55, before=1000, before_failed=50))
    assert WATCH.why(counts(1000, 150, before=1000, before_failed=50))


def test_a_version_that_answers_another_label_leaves_its_line() -> None:
    before, after = ((share, 1000 - share, *[0] * (LABEL_BINS - 2)) for share in (300, 600))
    assert WATCH.why(WatchCounts("r", 1000, 0, 1000, 0, before_labels=before, after_labels=after)).startswith(
        "one label is 60 % of the answers to 1000 requests since the switch, 30 % of 1000 before it"
    )
    assert not WATCH.why(WatchCounts("r", 1000, 0, 1000, 0, before_labels=before, after_labels=before))


def test_it_says_what_was_counted() -> None:
    assert WATCH.says(counts(10, 9, 200, 0)) == (
        "9 of 10 requests failed since the switch, 0 of 200 before it, and at most 1.33 % may"
    )
