"""The OpenAPI documents of both services, checked by schemathesis against a running stack.

A longer run: `changeover up`, then `schemathesis run http://127.0.0.1:5000/openapi.json --checks all`.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.documented_models import RENT, SHOP, publish_all
from tests.processes.up import RunningStack, launch
from tests.tiny_models import estimator
from tests.tree import ROOT

SEED = 20260131
PROBES = ("/livez", "/readyz", "/metrics", "/models", "/models/{model}", "/openapi.json", "/apidocs")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    started = launch(tmp_path_factory.mktemp("documented") / "home", {"DEFAULT_MODEL": SHOP}, workers=1)
    try:
        publish_all(started)
        yield started
    finally:
        started.stop()


def judged(url: str, folder: Path, examples: int, *options: str) -> int:
    """Run schemathesis on the document at `url`; all cases must pass. Returns their number."""
    command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={ROOT / 'schemathesis.toml'}", "run", url]
    # an upload is examined for longer than the usual ten seconds where other work fills the machine
    settings = [
        "--checks=all",
        "--max-response-time=120",
        f"--seed={SEED}",
        f"--max-examples={examples}",
        "--no-color",
        *options,
    ]
    ended = subprocess.run([*command, *settings], cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]
    counts = re.search(r"(\d+) generated, (\d+) passed", ended.stdout)
    assert counts, ended.stdout[-2_000:]
    assert counts[1] == counts[2]
    return int(counts[1])


def test_predict_api_does_what_it_documents(stack: RunningStack, tmp_path: Path) -> None:
    assert judged(f"{stack.described.predict_urls[0]}/openapi.json", tmp_path, 10) > 500


def test_model_server_does_what_it_documents(stack: RunningStack, tmp_path: Path) -> None:
    token = f"--header=Authorization: Bearer {stack.described.token}"
    assert judged(f"{stack.described.server_url}/openapi.json", tmp_path, 4, token) > 200


def test_without_the_token_model_server_refuses_every_change(stack: RunningStack, tmp_path: Path) -> None:
    changes = "--include-method=POST", "--include-method=PUT", "--include-method=DELETE"
    assert judged(f"{stack.described.server_url}/openapi.json", tmp_path, 4, *changes) > 20


def test_the_document_changes_with_the_model_in_the_same_instant(stack: RunningStack) -> None:
    address, client = stack.described.predict_urls[0], stack.client()
    before = requests.get(f"{address}/openapi.json", timeout=10)
    same = requests.get(f"{address}/openapi.json", headers={"If-None-Match": before.headers["ETag"]}, timeout=10)
    assert (same.status_code, same.content) == (304, b"")
    published = client.publish(estimator(3), RENT, draft=None)
    client.roll(published.version, model=RENT, allow_schema_change=True)
    after = requests.get(f"{address}/openapi.json", headers={"If-None-Match": before.headers["ETag"]}, timeout=10)
    assert after.status_code == 200
    assert list(before.json()["components"]["schemas"][f"{RENT}.Row"]["properties"]) == ["rooms", "floor"]
    assert list(after.json()["components"]["schemas"][f"{RENT}.Row"]["properties"]) == ["a", "b"]


def test_before_any_model_is_there_the_calls_are_documented_all_the_same(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    started = launch(tmp_path_factory.mktemp("empty") / "home", {"DIALECTS": "none"}, workers=1)
    try:
        answer = requests.get(f"{started.described.predict_urls[0]}/openapi.json", timeout=10)
        assert answer.status_code == 200
        assert {"/predict", "/models/{model}/predict", *PROBES} == answer.json()["paths"].keys()
    finally:
        started.stop()
