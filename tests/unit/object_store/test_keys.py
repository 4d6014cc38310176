"""Keys of the bucket: each is parsed as its own kind, and by no other parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changeover.exceptions import InvalidName, InvalidVersion
from object_store import keys
from object_store.exceptions import InvalidKey
from object_store.rejected_names import rejected_names

MODELS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
SEQUENCES = st.integers(1, 99_999_999)
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "Z")
SEGMENTS = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)
AWKWARD = st.sampled_from([".reason.json", ".reason.json.upload", "x.reason.json", "upload", ".upload", "m.joblib"])
FILES = SEGMENTS | AWKWARD | st.tuples(SEGMENTS, AWKWARD).map("".join)
NAMES = st.lists(FILES, min_size=1, max_size=3).map("/".join)
ANYTHING = st.text() | st.builds(
    "/".join,
    st.lists(
        st.sampled_from(
            [
                "incoming",
                "versions",
                "rollouts",
                "current",
                "uploads",
                "aborted",
                "rejected",
                "m",
                "A",
                "",
                "a" * 64,
                "model.joblib",
                "manifest.json",
                "00000001.json",
                "00000000.json",
                "1.json",
                "m.json",
                ".reason.json",
            ]
        ),
        max_size=5,
    ),
)
PARSERS = [
    keys.parse_incoming,
    keys.parse_manifest,
    keys.parse_rollout,
    keys.parse_current,
    keys.parse_upload_mark,
    keys.parse_aborted,
    keys.parse_rejected,
]


@given(MODELS, NAMES)
def test_an_upload_is_found_in_its_models_folder(model: str, name: str) -> None:
    assert keys.parse_incoming(f"incoming/{model}/{name}") == keys.Incoming(model, name)


@given(FILES)
def test_an_upload_without_a_folder_is_the_default_models(name: str) -> None:
    assert keys.parse_incoming(f"incoming/{name}") == keys.Incoming(None, name)


def test_an_upload_below_a_folder_that_is_no_model_name_says_so() -> None:
    assert keys.parse_incoming("incoming/My Models/a/b.joblib") == keys.InvalidFolder("My Models", "a/b.joblib")
    assert keys.parse_incoming("incoming//b.joblib") == keys.InvalidFolder("", "b.joblib")


@pytest.mark.parametrize("key", ["incoming/", "incoming/segmentation/", "incoming/a/b/", "incomin", "incoming"])
def test_a_folder_marker_is_no_upload(key: str) -> None:
    assert keys.parse_incoming(key) is None


def test_any_file_of_the_drop_zone_is_an_upload_whatever_its_name_ends_with() -> None:
    assert keys.parse_incoming("incoming/loan/index.html") == keys.Incoming("loan", "index.html")


@given(MODELS, VERSIONS)
def test_artifact_and_manifest_stand_side_by_side(model: str, version: str) -> None:
    artifact, manifest = keys.artifact_key(model, version), keys.manifest_key(model, version)
    assert keys.parse_manifest(manifest) == (model, version, 0)
    assert keys.parse_manifest(keys.manifest_key(model, version, 7)) == (model, version, 7)
    assert keys.parse_manifest(artifact) is None
    assert artifact.startswith(keys.versions_prefix(model))
    assert manifest.startswith(keys.version_prefix(model, version))


@given(MODELS, SEQUENCES, SEQUENCES)
def test_ledger_entries_sort_as_their_sequences_do(model: str, one: int, other: int) -> None:
    assert keys.parse_rollout(keys.rollout_key(model, one)) == (model, one)
    assert (keys.rollout_key(model, one) < keys.rollout_key(model, other)) == (one < other)


def test_the_first_ledger_entry_is_00000001() -> None:
    assert keys.rollout_key("loan", 1) == "rollouts/loan/00000001.json"


@pytest.mark.parametrize("sequence", [-1, 0, 100_000_000])
def test_a_sequence_that_would_not_sort_is_refused(sequence: int) -> None:
    with pytest.raises(InvalidKey, match="ledger"):
        keys.rollout_key("loan", sequence)


@pytest.mark.parametrize("name", ["00000000.json", "1.json", "000000001.json", "00000001.txt", "0000000a.json", ""])
def test_what_is_no_ledger_entry_is_not_read_as_one(name: str) -> None:
    assert keys.parse_rollout(f"rollouts/loan/{name}") is None


@given(MODELS)
def test_the_hint_names_its_model(model: str) -> None:
    assert keys.parse_current(keys.current_key(model)) == model


@given(MODELS, MOMENTS, VERSIONS, MOMENTS, VERSIONS)
def test_marks_of_uploads_sort_as_their_times_do(model: str, at: str, one: str, later: str, other: str) -> None:
    mark, second = keys.upload_mark_key(model, at, one), keys.upload_mark_key(model, later, other)
    assert keys.parse_upload_mark(mark) == keys.UploadMark(model, at, one)
    assert (mark < second) == ((at, one) < (later, other))


@pytest.mark.parametrize("at", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000+00:00", "yesterday", ""])
def test_a_mark_takes_times_in_the_one_form_that_sorts(at: str) -> None:
    with pytest.raises(InvalidKey, match="rfc3339"):
        keys.upload_mark_key("loan", at, "a" * 64)


@given(MODELS, st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,127}", fullmatch=True))
def test_an_aborted_rollout_is_found_again(model: str, identity: str) -> None:
    assert keys.parse_aborted(keys.aborted_key(model, identity)) == (model, identity)


@pytest.mark.parametrize("identity", ["", "a/b", ".x", "a b", "x" * 129])
def test_an_aborted_rollout_needs_a_plain_identity(identity: str) -> None:
    with pytest.raises(InvalidKey):
        keys.aborted_key("loan", identity)


@given(MODELS, NAMES)
def test_a_rejected_upload_and_its_reason_are_never_confused(model: str, name: str) -> None:
    upload, reason = keys.rejected_key(model, name), keys.reason_key(model, name)
    assert keys.parse_rejected(upload) == keys.Rejected(model, name, is_reason=False)
    assert keys.parse_rejected(reason) == keys.Rejected(model, name, is_reason=True)


@given(MODELS, NAMES, NAMES)
def test_two_rejected_uploads_never_share_a_key(model: str, one: str, other: str) -> None:
    made = {keys.rejected_key(model, one), keys.reason_key(model, one)}
    made |= {keys.rejected_key(model, other), keys.reason_key(model, other)}
    assert len(made) == (2 if one == other else 4)


def test_a_rejected_upload_keeps_its_name_or_is_set_apart_by_its_bytes() -> None:
    assert rejected_names("q3/model.joblib", "ab" * 32) == (
        "q3/model.joblib",
        "q3/model.abababababababab.joblib",
    )


@given(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=230, max_size=1000), VERSIONS)
def test_a_name_too_long_for_stores_is_shortened(name: str, version: str) -> None:
    rejected = rejected_names(name, version)
    assert all(len(keys.reason_key("m", each).encode()) <= 255 + len("rejected/m/") for each in rejected)
    assert any(version[:16] in each for each in rejected)


@given(ANYTHING)
def test_any_text_is_one_key_or_none(key: str) -> None:
    meanings = [parse(key) for parse in PARSERS]
    assert sum(meaning is not None for meaning in meanings) <= 1


@given(ANYTHING)
def test_what_is_read_from_a_key_makes_that_key_again(key: str) -> None:
    rollout, manifest, current = keys.parse_rollout(key), keys.parse_manifest(key), keys.parse_current(key)
    assert rollout is None or keys.rollout_key(*rollout) == key
    assert manifest is None or keys.manifest_key(*manifest) == key
    assert current is None or keys.current_key(current) == key


@pytest.mark.parametrize("model", ["", "A", "a/b", "a b", "-a", "a" * 64, "ä"])
def test_no_key_is_made_for_what_is_no_model_name(model: str) -> None:
    with pytest.raises(InvalidName):
        keys.rollout_key(model, 1)
    with pytest.raises(InvalidName):
        keys.artifact_key(model, "a" * 64)


@pytest.mark.parametrize("version", ["", "a" * 63, "A" * 64, "a" * 12])
def test_no_key_is_made_for_part_of_a_version(version: str) -> None:
    with pytest.raises(InvalidVersion):
        keys.artifact_key("loan", version)
