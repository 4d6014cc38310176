"""A man between the services of a sealed registry: what he rewrites is refused, and what served goes on."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from changeover.protocol.wire import MODEL_STALE, MODEL_VERSION, SEAL, RolloutState
from object_store.bucket import Bucket
from tests.conftest import wait_until
from tests.integration.sealed_server import MODEL, published, rolled, sealed_server
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.rewriting_proxy import Passing, RewritingProxy, running_proxy


@dataclass
class Stack:
    """A sealed model_server with a current and another version, a replica, and the man between them."""

    server: ModelServer
    man: RewritingProxy
    api: PredictApi
    first: str
    second: str

    def answer(self) -> tuple[str, bool] | None:
        response = self.api.predict()
        if response.status_code != 200:
            return None
        return response.headers[MODEL_VERSION], MODEL_STALE in response.headers

    def refused(self) -> str:
        """The reasons of all refusals for a seal."""
        return " ".join(event["reason"] for event in self.api.events("replica.seal_refused"))

    def aborts(self) -> str:
        """Roll to the other version, which is aborted; the reason."""
        body = self.server.roll(self.second).json()
        assert body["state"] == RolloutState.ABORTED
        assert self.answer() == (self.first, False)
        return str(body["reason"])


@pytest.fixture
def stack(seaweed: Store, seaweed_bucket: Bucket, tmp_path: Path) -> Iterator[Stack]:
    server, keys_file = sealed_server(seaweed, seaweed_bucket.name, tmp_path, {"PREPARE_TIMEOUT": "20"})
    with server, running_proxy(server.url) as man:
        api = PredictApi(
            man.url,
            tmp_path,
            WORKERS="1",
            MODELS=MODEL,
            DEFAULT_MODEL=MODEL,
            REPORT_TOKEN=REPORT_TOKEN,
            REGISTRY_KEYS_FILE=str(keys_file),
        )
        first, second = rolled(server, 1), published(server, 2)
        with api:
            wait_until(lambda: api.predict().status_code == 200, 20, "the first version")
            yield Stack(server, man, api, first, second)


def of_current(change: Callable[[dict[str, object]], None]) -> Callable[[Passing], Passing]:
    """A rewriting of the model in the answers to freshness checks."""

    def rewrite(answer: Passing) -> Passing:
        if answer.path != "/current" or answer.status != 200:
            return answer
        body = json.loads(answer.body)
        change(body["models"][MODEL])
        return answer.with_body(json.dumps(body).encode())

    return rewrite


@pytest.mark.parametrize("keeps_seal", [True, False])
def test_another_current_version_is_not_followed(stack: Stack, keeps_seal: bool) -> None:
    """Fault 82: a freshness answer."""

    def change(model: dict[str, object]) -> None:
        model |= {"sequence": 2, "version": stack.second}
        if not keeps_seal:
            model.pop("seal")

    stack.man.rewrite = of_current(change)
    wait_until(lambda: f"rollouts/{MODEL}/00000002.json" in stack.refused(), 20, "the refusal")
    assert stack.answer() == (stack.first, True)
    stack.man.rewrite = lambda answer: answer
    wait_until(lambda: stack.answer() == (stack.first, False), 20, "the end of it")


def test_a_replayed_entry_is_not_followed(stack: Stack) -> None:
    """Fault 82: an answer of before."""
    before = stack.server.get("/current").json()["models"][MODEL]
    assert stack.server.roll(stack.second).json()["state"] == RolloutState.COMMITTED
    assert stack.answer() == (stack.second, False)
    stack.man.rewrite = of_current(lambda model: model.update(before))
    wait_until(lambda: stack.answer() == (stack.second, True), 20, "the mark of a stale answer")
    assert stack.api.events("replica.sequence_refused")
    stack.man.rewrite = of_current(lambda model: model.update({**before, "sequence": 3}))
    wait_until(lambda: f"rollouts/{MODEL}/00000003.json" in stack.refused(), 20, "the refusal")
    assert stack.answer() == (stack.second, True)


@pytest.mark.parametrize("keeps_seal", [True, False])
def test_another_manifest_is_not_loaded(stack: Stack, keeps_seal: bool) -> None:
    """Fault 82: a manifest."""

    def rewrite(answer: Passing) -> Passing:
        if not answer.path.endswith(f"{stack.second}/manifest"):
            return answer
        manifest = json.loads(answer.body)
        manifest["classes"] = manifest["classes"][::-1]
        headers = {name: value for name, value in answer.headers.items() if keeps_seal or name != SEAL}
        return Passing(answer.path, answer.status, headers, json.dumps(manifest).encode())

    stack.man.rewrite = rewrite
    assert f"versions/{MODEL}/{stack.second}/manifest.json" in stack.aborts()


def test_the_manifest_of_another_version_is_not_loaded(stack: Stack) -> None:
    """Fault 82: an honest manifest of another version."""
    first = stack.server.get(f"/models/{MODEL}/versions/{stack.first}/manifest")

    def rewrite(answer: Passing) -> Passing:
        if not answer.path.endswith(f"{stack.second}/manifest"):
            return answer
        body = first.content.replace(stack.first.encode(), stack.second.encode())
        return Passing(answer.path, 200, {**answer.headers, SEAL: first.headers[SEAL]}, body)

    stack.man.rewrite = rewrite
    assert f"versions/{MODEL}/{stack.second}/manifest.json" in stack.aborts()


def test_other_bytes_are_not_loaded(stack: Stack) -> None:
    """Fault 82: an artifact."""
    first = stack.server.get(f"/models/{MODEL}/versions/{stack.first}/artifact").content

    def rewrite(answer: Passing) -> Passing:
        return answer.with_body(first) if answer.path.endswith(f"{stack.second}/artifact") else answer

    stack.man.rewrite = rewrite
    assert stack.second in stack.aborts()


def test_an_honest_man_changes_nothing(stack: Stack) -> None:
    assert stack.server.roll(stack.second).json()["state"] == RolloutState.COMMITTED
    assert stack.answer() == (stack.second, False)
    assert stack.refused() == ""
