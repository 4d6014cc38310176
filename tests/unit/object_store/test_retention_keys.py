"""The keys of tombstones, returns and holds, and what is none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changeover.exceptions import InvalidVersion
from object_store import keys
from object_store.exceptions import InvalidKey
from object_store.retention_keys import (
    HOLD_NAME,
    HoldKey,
    OfVersion,
    hold_key,
    holds_prefix,
    parse_hold,
    parse_of_version,
    returned_key,
    tombstone_key,
)

V = "ab" * 32
UNTIL = "2026-11-27T12:00:00.000000Z"


@given(st.integers(1, keys.LAST_SEQUENCE))
def test_a_tombstone_and_a_return_are_parsed_as_they_were_built(number: int) -> None:
    assert parse_of_version(tombstone_key("loan", V, number)) == OfVersion("loan", V, "removed", number)
    assert parse_of_version(returned_key("loan", V, number)) == OfVersion("loan", V, "returned", number)


@given(st.from_regex(HOLD_NAME, fullmatch=True))
def test_a_hold_is_parsed_as_it_was_built(name: str) -> None:
    hold = HoldKey("loan", V, UNTIL, name)
    assert parse_hold(hold_key(hold)) == hold
    assert hold_key(hold).startswith(holds_prefix("loan", V))


def test_artifacts_and_twins_are_bytes_and_manifests_are_not() -> None:
    assert parse_of_version(keys.artifact_key("loan", V)) == OfVersion("loan", V, "bytes")
    assert parse_of_version(keys.twin_key("loan", V, "c" * 64)) == OfVersion("loan", V, "bytes")
    assert parse_of_version(keys.manifest_key("loan", V)) is None
    assert parse_of_version(keys.manifest_key("loan", V, 7)) is None
    assert keys.parse_manifest(tombstone_key("loan", V, 1)) is None


@pytest.mark.parametrize(
    "key",
    [
        f"versions/loan/{V}/removed-00000000.json",
        f"versions/loan/{V}/removed-1.json",
        f"versions/loan/{V}/removed-00000001.json.bak",
        f"versions/loan/{V}/deep/model.joblib",
        f"versions/Loan/{V}/model.joblib",
        "versions/loan/abc/model.joblib",
        f"incoming/loan/{V}/model.joblib",
    ],
)
def test_other_keys_are_none_of_these(key: str) -> None:
    assert parse_of_version(key) is None


@pytest.mark.parametrize(
    "key", [f"holds/loan/{V}/a-run.json", f"holds/loan/{V}/{UNTIL}-.json", f"holds/loan/{UNTIL}-a.json", "holds/", ""]
)
def test_other_keys_are_no_holds(key: str) -> None:
    assert parse_hold(key) is None


@pytest.mark.parametrize("number", [0, -1, keys.LAST_SEQUENCE + 1])
def test_a_number_out_of_range_has_no_key(number: int) -> None:
    with pytest.raises(InvalidKey):
        tombstone_key("loan", V, number)
    with pytest.raises(InvalidVersion):
        returned_key("loan", "abc", 1)


@pytest.mark.parametrize(
    "hold",
    [
        *(HoldKey("loan", "abc", UNTIL, "a"), HoldKey("loan", V, "2026-11-27", "a"), HoldKey("loan", V, UNTIL, "")),
        *(HoldKey("loan", V, UNTIL, "../a"), HoldKey("loan", V, UNTIL, "-a")),
    ],
    ids=str,
)
def test_what_is_no_hold_has_no_key(hold: HoldKey) -> None:
    with pytest.raises(InvalidKey):
        hold_key(hold)
