"""The check of a twin that a runner made, on the service's side."""

import pytest

from changeover.manifest.manifest import Manifest
from changeover.schema.schema import Column, Schema
from model_runner.admission.twin import checked
from model_runner.admission.verdict import Admitted
from tests.graphs import stump


def admitted(twin: bytes) -> Admitted:
    schema = Schema((Column("a"), Column("b"))).to_json()
    manifest = Manifest("m", "0" * 64, 1, "2026-01-01T00:00:00Z", schema, {}, twin={"sha256": "1" * 64, "size": 1})
    return Admitted(manifest, twin)


@pytest.mark.parametrize(
    ("twin", "reason"),
    [
        (b"no graph", "no ONNX model"),
        (stump(nodes_featureids=[2, 0, 0]).SerializeToString(), "out of range"),
        (stump().SerializeToString(), "description cannot be read"),
    ],
    ids=["no graph", "a forged graph", "a graph without a description"],
)
def test_a_twin_that_fails_is_absent_and_the_version_is_admitted(twin: bytes, reason: str) -> None:
    verdict = checked(admitted(twin))
    assert verdict.twin == b""
    assert verdict.manifest.twin is not None
    assert reason in str(verdict.manifest.twin["absent"])


def test_a_version_without_a_twin_stays_as_it_is() -> None:
    version = admitted(b"")
    assert checked(version) is version
