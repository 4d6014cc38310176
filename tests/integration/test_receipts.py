"""Receipts: answers with a signed statement, computed again by `changeover replay` from what the registry has."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from changeover.cli.main import main
from changeover.protocol.wire import RECEIPT
from changeover.sealed.keys import SigningKey
from object_store import keys
from object_store.bucket import Bucket
from tests.integration.artifacts import a_model
from tests.integration.sealed_server import MODEL, sealed_server
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store

ROWS = [{"x0": 0.1, "x1": -0.2, "x2": 0.3}, {"x0": 1, "x1": 2, "x2": 3}]


@dataclass
class Auditor:
    """A sealed stack that signs receipts, and the files of a person who has one."""

    server: ModelServer
    api: PredictApi
    registry_keys: Path
    receipt_keys: Path
    folder: Path

    def receipt(self, rows: object = ROWS) -> Path:
        """Ask for an answer with a receipt, and keep the receipt and the inputs."""
        response = self.api.predict(rows, "/predict?receipt=1")
        assert response.status_code == 200, response.text
        (self.folder / "inputs.json").write_text(json.dumps(rows))
        path = self.folder / "receipt"
        path.write_text(response.headers[RECEIPT])
        return path

    def replays(self, receipt: Path, code: int = 0, inputs: object = None) -> dict[str, Any]:
        """The result of `changeover replay`."""
        if inputs is not None:
            (self.folder / "inputs.json").write_text(json.dumps(inputs))
        words = ["replay", str(receipt), "--inputs", str(self.folder / "inputs.json"), "--json"]
        words += ["--receipt-keys-file", str(self.receipt_keys), "--keys-file", str(self.registry_keys)]
        words += ["--cache-dir", str(self.folder / "versions"), "--server-url", self.server.url]
        result = CliRunner().invoke(main, words, env={"CHANGEOVER_TOKEN": PUBLISH_TOKEN})
        assert result.exit_code == code, result.output
        body: dict[str, Any] = json.loads(result.stdout or "{}")
        return body


@pytest.fixture(params=["onnx", "sklearn"])
def auditor(
    request: pytest.FixtureRequest, seaweed: Store, seaweed_bucket: Bucket, tmp_path: Path
) -> Iterator[Auditor]:
    runtime = {"RUNTIME": request.param}
    server, registry_keys = sealed_server(seaweed, seaweed_bucket.name, tmp_path, runtime)
    key = SigningKey.make(tmp_path / "receipt_key")
    receipt_keys = tmp_path / "receipt_keys"
    receipt_keys.write_text(key.public.text)
    with server:
        version = server.publish(a_model(1)).json()["version"]
        assert server.roll(version).json()["state"] == "committed"
        api = PredictApi(
            server.url,
            tmp_path,
            **{"WORKERS": "1", "DEFAULT_MODEL": MODEL, "REPORT_TOKEN": REPORT_TOKEN, **runtime},
            REGISTRY_KEYS_FILE=str(registry_keys),
            RECEIPT_KEY_FILE=str(tmp_path / "receipt_key"),
        )
        api.start("/readyz")
        try:
            yield Auditor(server, api, registry_keys, receipt_keys, tmp_path)
        finally:
            api.close()


def faults(body: dict[str, Any]) -> list[str]:
    return [check["name"] for check in body["checks"] if check["ok"] is False]


def test_an_answer_is_replayed_equal_and_a_changed_digit_is_not(auditor: Auditor) -> None:
    receipt = auditor.receipt()
    body = auditor.replays(receipt)
    assert (body["equal"], body["sequence"], faults(body)) == (True, 1, [])
    assert {check["name"]: check["ok"] for check in body["checks"]}["the ledger has it under that sequence"]
    changed = [{**ROWS[0], "x0": 0.10000000000000002}, ROWS[1]]
    assert "inputs as they were understood" in faults(auditor.replays(receipt, 1, changed))
    assert auditor.replays(receipt, 0, [dict(reversed(row.items())) for row in ROWS])["equal"]  # another form


def test_a_receipt_outlasts_rolls(auditor: Auditor) -> None:
    receipt = auditor.receipt()
    second = auditor.server.publish(a_model(2)).json()["version"]
    assert auditor.server.roll(second).json()["state"] == "committed"
    assert auditor.replays(receipt)["sequence"] == 1


def test_a_version_that_was_changed_since_does_not_replay(auditor: Auditor, seaweed_bucket: Bucket) -> None:
    receipt = auditor.receipt()
    version = auditor.api.predict(ROWS).json()["model_version"]
    key = keys.manifest_key(MODEL, version)
    whole = seaweed_bucket.read(key, 10**6)
    seaweed_bucket.write(key, whole.replace(b'"x0"', b'"x9"'))
    auditor.replays(receipt, 1)
    seaweed_bucket.write(key, whole)
    assert auditor.replays(receipt)["equal"]


def test_a_receipt_by_another_key_and_one_that_was_changed_are_refused(auditor: Auditor) -> None:
    receipt = auditor.receipt()
    auditor.receipt_keys.write_text(SigningKey.make(auditor.folder / "other").public.text)
    auditor.replays(receipt, 1)


def test_what_is_not_asked_for_or_not_known_has_no_receipt(auditor: Auditor) -> None:
    assert RECEIPT not in auditor.api.predict(ROWS).headers
    refused = auditor.api.predict(ROWS, "/predict?receipt=yes")
    assert (refused.status_code, RECEIPT in refused.headers) == (400, False)
