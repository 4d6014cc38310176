"""The judgement of a rehearsal: what it stops, what passes, and that few rows decide nothing."""

import random

import pytest

from changeover.protocol.rehearsal_counts import RehearsalCounts
from model_server.rollouts.rehearsal import (
    EVIDENCE,
    Rehearsal,
    Verdict,
    evidence,
    fewest,
    lower_limit,
    upper_limit,
)

LINE = 0.02


def counts(differing: int, rows: int) -> RehearsalCounts:
    return RehearsalCounts("r", rows, differing)


@pytest.mark.parametrize(
    ("differing", "rows", "word"),
    [
        (0, 0, Verdict.STOPPED),
        (0, 132, Verdict.STOPPED),
        (0, 133, Verdict.PASSED),
        (15, 1000, Verdict.STOPPED),
        (150, 10_000, Verdict.PASSED),
        (30, 1000, Verdict.STOPPED),
    ],
)
def test_at_its_end_a_version_passes_only_if_the_rows_show_that_it_is_within_the_line(
    differing: int, rows: int, word: Verdict
) -> None:
    assert Rehearsal(60.0, LINE, begun=0.0).verdict(counts(differing, rows), now=60.0) is word


def test_before_its_end_it_goes_on_unless_the_evidence_is_strong() -> None:
    rehearsal = Rehearsal(60.0, LINE, begun=0.0)
    assert rehearsal.verdict(counts(1, 1), now=1.0) is Verdict.GOES_ON
    assert rehearsal.verdict(counts(4, 40), now=1.0) is Verdict.GOES_ON
    assert rehearsal.verdict(counts(50, 1000), now=1.0) is Verdict.STOPPED
    assert rehearsal.verdict(counts(0, 100_000), now=1.0) is Verdict.GOES_ON


def test_it_can_stop_before_every_replica_is_ready_and_its_time_begins_then() -> None:
    waiting = Rehearsal(60.0, LINE)
    assert waiting.verdict(counts(50, 1000), now=1e6) is Verdict.STOPPED
    assert waiting.verdict(counts(0, 1000), now=1e6) is Verdict.GOES_ON
    assert (waiting.left(1e6), Rehearsal(60.0, LINE, begun=10.0).left(30.0)) == (60.0, 40.0)


def test_without_a_line_it_only_tells() -> None:
    rehearsal = Rehearsal(60.0, begun=0.0)
    assert rehearsal.verdict(counts(900, 1000), now=59.0) is Verdict.GOES_ON
    assert rehearsal.verdict(counts(900, 1000), now=60.0) is Verdict.PASSED
    assert "900 of 1000 answers differ (90 %" in rehearsal.says(counts(900, 1000))


def test_looking_at_every_row_stops_a_version_on_the_line_in_one_case_of_a_hundred_at_most() -> None:
    stopped = 0
    for seed in range(200):
        drawn, differing = random.Random(seed), 0
        for rows in range(1, 2001):
            differing += drawn.random() < LINE
            if evidence(differing, rows, LINE) >= EVIDENCE:
                stopped += 1
                break
    assert stopped <= 4


def test_a_version_that_flips_a_twentieth_of_the_labels_is_stopped_within_a_thousand_rows_or_so() -> None:
    found = []
    for seed in range(100):
        drawn, differing = random.Random(seed), 0
        for rows in range(1, 5001):
            differing += drawn.random() < 0.05
            if evidence(differing, rows, LINE) >= EVIDENCE:
                found.append(rows)
                break
    assert len(found) == 100
    assert sorted(found)[90] < 1500


def test_the_limits_are_those_of_wilson() -> None:
    for count, rows in ((13, 250), (0, 10), (1, 1)):
        for limit in (lower_limit(count, rows), upper_limit(count, rows)):
            apart, variance = count / rows - limit, limit * (1 - limit) / rows
            assert apart * apart == pytest.approx(1.6448536269514722**2 * variance, abs=1e-12)
    assert lower_limit(0, 1807) == 0.0
    assert fewest(LINE) == 133


@pytest.mark.parametrize(
    ("line", "differing", "rows", "words"),
    [
        (LINE, 0, 0, "no row was compared, too few rows to show disagreement<=0.02, which takes 133"),
        (LINE, 15, 1000, "which does not show disagreement<=0.02: rehearse longer"),
        (LINE, 50, 1000, "50 of 1000 answers differ (5 %; likely 3.98 to 6.26 %), more than disagreement<=0.02 allows"),
        (LINE, 1, 5000, ", within disagreement<=0.02"),
    ],
)
def test_it_says_in_a_sentence_what_it_found(line: float, differing: int, rows: int, words: str) -> None:
    assert words in Rehearsal(60.0, line, begun=0.0).says(counts(differing, rows))
