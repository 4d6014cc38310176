"""The removal of many versions while replicas answer and versions are rolled: no request fails, none is stale."""

import threading
from pathlib import Path

from changeover import Client
from object_store.bucket import Bucket
from object_store.retention_keys import parse_of_version
from tests.callers import Callers
from tests.integration.many_versions import fill
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.tiny_models import tiny

MANY, KEPT = 150, 10


def test_no_request_fails_while_many_versions_are_removed(
    seaweed: Store, seaweed_bucket: Bucket, tmp_path: Path
) -> None:
    server = ModelServer(seaweed, seaweed_bucket.name, tmp_path)
    with server:
        versions = [str(server.publish(tiny(number)[0]).json()["version"]) for number in (1, 2)]
        assert server.roll(versions[0]).json()["state"] == "committed"
    names = fill(seaweed_bucket, "loan", versions[0], MANY)
    settings = {"REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": "loan"}
    with server, PredictApi(server.url, tmp_path, **settings) as api:
        client = Client(server.url, token=PUBLISH_TOKEN)
        removed: list[str] = []

        def remove() -> None:
            done = client.gc("loan", keep=KEPT, keep_days=0)
            removed.extend(str(each["version"]) for each in done.versions)

        with Callers(api) as callers:
            callers.until(lambda callers: callers.answers, "the first answer")
            collecting = threading.Thread(target=remove)
            collecting.start()
            for version in (versions[1], versions[0], versions[1]):
                assert server.roll(version).json()["state"] == "committed"
            collecting.join(120)
            seen = len(callers.answers)
            callers.until(lambda callers: len(callers.answers) > seen, "an answer after the removal")
        assert callers.failures == []
        assert [answer for answer in callers.answers if answer[1]] == [], "stale answers"
        assert set(removed) == set(names[: MANY - KEPT + len(versions)]), "the two that were published are newest"
        kinds: dict[str, set[str]] = {}
        for item in seaweed_bucket.list("versions/loan/"):
            if (parsed := parse_of_version(item.key)) is not None:
                kinds.setdefault(parsed.version, set()).add(parsed.kind)
        assert {version for version, found in kinds.items() if found == {"removed"}} == set(removed)
        assert {version for version, found in kinds.items() if found == {"bytes"}} == {*names, *versions} - set(removed)
