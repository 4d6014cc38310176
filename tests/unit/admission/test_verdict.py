"""The verdict of a runner: model_server takes only the members that a runner determines, up to a limit."""

import hashlib

import pytest

from changeover.exceptions import InvalidManifest
from model_runner.admission.verdict import Refused, read_twin, read_verdict

VERSION = "a" * 64
TWIN = b"graph"
DESCRIPTION = {"sha256": hashlib.sha256(TWIN).hexdigest(), "size": len(TWIN), "proof": {"rows": 1}}


def test_a_runner_determines_no_member_of_model_server() -> None:
    body = {"sha256": VERSION, "schema": {}, "model": "other", "provenance": {}, "version": "b" * 64, "twin": {}}
    assert read_verdict(body, VERSION) == {"schema": {}}
    with pytest.raises(InvalidManifest, match="other bytes"):
        read_verdict(body, "b" * 64)


def test_a_refusal_is_cut_to_the_longest_text() -> None:
    assert read_verdict({"refused": "x" * 5000}, VERSION) == Refused("x" * 2000)


@pytest.mark.parametrize("body", [None, [], "refused"])
def test_a_verdict_that_is_no_object_is_named(body) -> None:
    with pytest.raises(InvalidManifest, match="verdict"):
        read_verdict(body, VERSION)


def test_a_twin_counts_only_with_the_description_of_its_bytes() -> None:
    assert read_twin(DESCRIPTION, TWIN) == (DESCRIPTION, TWIN)
    for description in (None, DESCRIPTION | {"size": 4}, DESCRIPTION | {"proof": None}, DESCRIPTION | {"sha256": ""}):
        reason, twin = read_twin(description, TWIN)
        assert (list(reason), twin) == (["absent"], b"")
    assert read_twin({"absent": "y" * 5000}, TWIN) == ({"absent": "y" * 2000}, b"")
