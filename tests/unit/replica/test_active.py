"""The active version: one value, set by one assignment, with no way back."""

from typing import cast

import pytest

from changeover.exceptions import ChangeoverError
from changeover.manifest.manifest import Manifest
from changeover.protocol.wire import Current
from changeover.request.reader import RequestReader
from changeover.schema.schema import Column, Schema
from predict_api.exceptions import LowerSequence, OtherVersion
from predict_api.replica.active import ActiveVersion, confirm, switch
from predict_api.scoring.interfaces import Prepared, Scorer

OLD, NEW = "a" * 64, "b" * 64


def prepared(version: str) -> Prepared:
    schema = Schema((Column("a"),))
    manifest = Manifest("loan", version, 1, "2026-01-31T12:00:00Z", schema.to_json(), {})
    return Prepared(manifest, cast("Scorer", None), RequestReader(schema))


def active(sequence: int, version: str) -> ActiveVersion:
    return ActiveVersion(Current(sequence, version), prepared(version), confirmed_at=1.0)


def test_the_first_version_is_taken() -> None:
    first = switch(None, Current(7, OLD), prepared(OLD), 3.0)
    assert (first.model, first.current, first.confirmed_at) == ("loan", Current(7, OLD), 3.0)


def test_a_later_sequence_is_taken_even_for_an_earlier_version() -> None:
    assert switch(active(2, NEW), Current(3, OLD), prepared(OLD), 4.0).current == Current(3, OLD)


def test_a_lower_sequence_is_refused() -> None:
    with pytest.raises(LowerSequence, match="sequence 5 here, model_server has 4"):
        switch(active(5, NEW), Current(4, OLD), prepared(OLD), 4.0)


def test_another_version_under_the_same_sequence_is_refused() -> None:
    with pytest.raises(OtherVersion, match="two ledgers have the same number"):
        switch(active(5, NEW), Current(5, OLD), prepared(OLD), 4.0)


def test_a_version_never_answers_for_another() -> None:
    with pytest.raises(ChangeoverError, match="cannot answer for"):
        switch(active(1, OLD), Current(2, NEW), prepared(OLD), 4.0)


def test_a_confirmation_changes_only_the_time() -> None:
    before = active(1, OLD)
    after = confirm(before, 9.0)
    assert (after.current, after.prepared, after.confirmed_at) == (before.current, before.prepared, 9.0)
