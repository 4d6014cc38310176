"""Golden rows from publish to use: replayed by every replica, by `changeover verify` and by `diff`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from changeover import digest
from changeover.cli.main import main
from object_store import keys
from tests.faults.pair import MODEL, Pair, heavy
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import Store


@pytest.fixture
def pair(seaweed: Store, bucket_name: str, tmp_path: Path) -> Iterator[Pair]:
    server = ModelServer(seaweed, bucket_name, tmp_path / "server", {"DEFAULT_MODEL": MODEL})
    pair = Pair(server, tmp_path)
    try:
        yield pair.start()
    finally:
        pair.end()
        server.end()


def version(number: int) -> str:
    return digest.sha256(heavy(number))


def tamper(pair: Pair, number: int, answer: int) -> None:
    """Write another golden answer for the nth model into the bucket, and restart model_server, which reads it."""
    bucket = pair.server.store.bucket(bucket=pair.server.bucket)
    key = keys.manifest_key(MODEL, version(number))
    manifest = json.loads(bucket.read(key, 1 << 20))
    manifest["golden"]["outputs"][0]["prediction"] = answer
    bucket.write(key, json.dumps(manifest).encode(), "application/json")
    pair.server.end()
    pair.server.start()
    pair.meet()


def types(pair: Pair, *words: str) -> Result:
    """The output of the command line and its exit code."""
    stack = {"CHANGEOVER_PREDICT_URL": pair.api.url, "CHANGEOVER_TOKEN": PUBLISH_TOKEN}
    return CliRunner().invoke(main, [*words, "--server-url", pair.server.url, "-m", MODEL], env=stack)


def test_a_version_that_answers_otherwise_than_its_manifest_says_is_refused_with_row_and_part(
    pair: Pair, tmp_path: Path
) -> None:
    verified = types(pair, "verify")
    assert verified.exit_code == 0, verified.output
    assert "golden rows: 1 answered as recorded" in verified.stdout
    (tmp_path / "body.json").write_text('[{"a": 1, "b": 2}, {"a": "many", "b": 2}]')
    refused = types(pair, "predict", str(tmp_path / "body.json"))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "\n  row 1 field a: 'many' is not a number\n" in refused.stderr

    pair.publish(2)
    tamper(pair, 2, answer=3)
    aborted: dict[str, Any] = pair.server.roll(version(2), MODEL).json()
    assert aborted["state"] == "aborted"
    assert "golden row 0: prediction is 2, the manifest says 3" in aborted["reason"]
    assert pair.answers(1)

    tamper(pair, 1, answer=3)
    verified = types(pair, "verify")
    assert verified.exit_code == 1
    assert "WRONG   golden rows: answered OTHERWISE than recorded; row 0: prediction is 1" in verified.stdout


def test_diff_shows_versions_side_by_side_and_asks_for_the_answers_that_were_not_kept(pair: Pair) -> None:
    row = {"a": 0.25, "b": 0.5}
    manifest = {
        "golden": {"rows": [row]},
        "metrics": {"f1": 0.75},
        "environment": {"python": "3.4.1"},
        "evaluation": {"data_sha256": "a" * 64},
    }
    files = {"artifact": ("m.joblib", heavy(2)), "manifest": (None, json.dumps(manifest))}
    assert pair.server.post(f"/models/{MODEL}/versions", files=files).status_code == 201
    comparison = json.loads(types(pair, "diff", version(1)[:12], version(2), "--json").stdout)
    assert (comparison["a"], comparison["b"]) == (version(1), version(2))
    assert comparison["schema"] == {"compatible": True, "changes": []}
    assert comparison["metrics"] == {"f1": {"a": None, "b": 0.75, "difference": None}}
    assert comparison["environment"] == {"python": {"a": None, "b": "3.4.1"}}
    golden = comparison["golden"]
    assert (golden["compared"], golden["differ"], golden["cannot"]) == (2, 2, [])
    assert {"row": row, "part": "prediction", "a": 1, "b": 2} in golden["differences"]
    read = types(pair, "diff", version(1), version(2))
    assert read.exit_code == 0
    for line in ("schema   the same", "golden rows  2 of 2 answered differently", "prediction: 1 -> 2 for"):
        assert line in read.stdout
    assert "on data that is not named for both: do not compare them" in read.stdout
