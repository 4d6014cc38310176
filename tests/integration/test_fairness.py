"""Fairness: small requests are answered before large batches, though twice THREADS clients send batches."""

import json
import statistics
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import requests

from predict_api.edge.queue import LARGE
from tests.conftest import wait_until
from tests.processes.predict_api import PredictApi
from tests.tiny_models import tiny
from tests.wire_stub import running_stub

THREADS = 4
AT_ONCE = 2
SMALL = 30
BATCH = json.dumps([{"a": 1.123456789012345, "b": 2.123456789012345}] * 10_000).encode()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[PredictApi]:
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(1)))
        with PredictApi(stub.url, tmp_path, WORKERS="1", THREADS=str(THREADS), QUEUE_SECONDS="60") as api:
            yield api


class LargeClients:
    """Clients that send batches one after the other; `answered` counts them, `wrong` keeps what is neither an answer nor overload."""

    def __init__(self, api: PredictApi, count: int) -> None:
        self._url, self._over = f"{api.url}/predict", threading.Event()
        self.answered: list[int] = []
        self.wrong: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self, number: int) -> None:
        with requests.Session() as session:
            while not self._over.is_set():
                answer = session.post(self._url, BATCH, headers={"Content-Type": "application/json"}, timeout=60)
                if answer.status_code == 503:  # overloaded: the model has its own limit
                    continue
                if answer.status_code != 200 or answer.content.count(b'"prediction":1') != 10_000:
                    self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
                self.answered.append(number)


def test_small_requests_do_not_wait_for_the_batches_that_came_before_them(api: PredictApi) -> None:
    assert len(BATCH) >= LARGE
    with LargeClients(api, 2 * THREADS) as large:
        wait_until(lambda: len(large.answered) >= 2 * THREADS, 60, "batches are under way")
        meanwhile = []
        for _ in range(SMALL):
            before = len(large.answered)
            answer = api.predict()
            assert answer.status_code == 200, answer.text
            assert answer.json()["prediction"] == 1
            meanwhile.append(len(large.answered) - before)
        begun = len(large.answered)
        wait_until(lambda: len(large.answered) > begun, 60, "batches are answered still")
    assert not large.wrong
    # a small request in one queue with the batches would wait for all earlier ones: six or more
    assert statistics.median(meanwhile) <= AT_ONCE, meanwhile
    assert set(large.answered) == set(range(2 * THREADS))
