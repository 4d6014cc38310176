"""One rehearsal: it samples while it lasts, compares what the current version answered, and counts failures, too."""

from dataclasses import replace

import pytest

from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.exceptions import ScoringFailed
from changeover.manifest.manifest import Manifest
from changeover.process.clock import now
from changeover.protocol.rehearsal_counts import RehearsalCounts
from changeover.request.reader import RequestReader
from changeover.schema.schema import Column, Schema
from predict_api.prediction.turn import PLAIN_TURN
from predict_api.rehearsal.columns import PlainRows
from predict_api.rehearsal.rehearsal import TIMED, Rehearsal
from predict_api.scoring.interfaces import Prepared, RequestRows, Turn

SCHEMA = Schema((Column("a"),))
SOON = 3600.0


class Above:
    """A scorer that answers whether `a` is above a value; without one it fails."""

    def __init__(self, value: float | None) -> None:
        self._value = value

    def score(self, rows: RequestRows, turn: Turn, options: Options = PLAIN) -> Scores:
        """The labels."""
        if self._value is None:
            raise ScoringFailed("a row has the value 12345")
        return Scores([cell > self._value for cell in rows.columns["a"]], None, None)  # type: ignore[operator]


def prepared(version: str, value: float | None, schema: Schema = SCHEMA) -> Prepared:
    manifest = Manifest("loan", version * 64, 1, "2026-01-31T12:00:00Z", schema.to_json(), {})
    return Prepared(manifest, Above(value), RequestReader(schema))


def ask(version: Prepared, *cells: float) -> None:
    """A live request, as the pipeline answers it."""
    rows = PlainRows(False, len(cells), {"a": cells})
    scores = version.scorer.score(rows, PLAIN_TURN)
    if version.tap.sample is not None:
        version.tap.sample.add(rows, scores, 0.001)


def test_it_counts_what_differs_from_when_it_begins_to_when_it_ends() -> None:
    current, new = prepared("a", 0.0), prepared("b", 0.5)
    rehearsal = Rehearsal("r", current, new)
    ask(current, 0.2)
    rehearsal.begin()
    for _ in range(TIMED):
        ask(current, 0.2, 0.7, -1.0)
    rehearsal.step(now() + SOON)
    counts = rehearsal.counts
    assert (counts.id, counts.rows, counts.differing, counts.failed) == ("r", 3 * TIMED, TIMED, 0)
    assert (sum(counts.new_ms), sum(counts.current_ms)) == (TIMED, 1)
    ask(current, 0.2)
    rehearsal.end()
    ask(current, 0.2)
    rehearsal.step(now() + SOON)
    assert (rehearsal.counts, current.tap.sample) == (counts, None)


def test_it_takes_no_more_time_than_it_may() -> None:
    current = prepared("a", 0.0)
    rehearsal = Rehearsal("r", current, prepared("b", 0.5))
    rehearsal.begin()
    ask(current, 0.2)
    rehearsal.step(now() - 1.0)
    assert rehearsal.counts == RehearsalCounts("r")


def test_a_request_that_the_new_version_fails_differs_and_the_log_has_no_value_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    current = prepared("a", 0.0)
    rehearsal = Rehearsal("r", current, prepared("b", None))
    rehearsal.begin()
    ask(current, 0.2, 0.3)
    ask(current, 0.4)
    rehearsal.step(now() + SOON)
    assert (rehearsal.counts.rows, rehearsal.counts.differing, rehearsal.counts.failed) == (3, 3, 3)
    captured = capsys.readouterr()
    assert "12345" not in captured.out + captured.err


def test_a_schema_that_needs_other_columns_is_not_rehearsed_and_says_so() -> None:
    current = prepared("a", 0.0)
    rehearsal = Rehearsal("r", current, prepared("b", 0.5, Schema((Column("a"), Column("b")))))
    rehearsal.begin()
    assert current.tap.sample is None
    assert rehearsal.counts.unable == "the current version's requests have no column 'b'"


def test_the_next_rehearsal_takes_the_place_of_the_one_before() -> None:
    current = prepared("a", 0.0)
    first, second = (Rehearsal(name, current, prepared("b", 0.5)) for name in ("r", "s"))
    first.begin()
    second.begin()
    first.end()
    assert current.tap.sample is not None
    assert replace(current).tap is current.tap
