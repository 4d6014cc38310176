"""Callers of predict_api: threads that send one request after another, and the share of stale answers."""

import threading
from collections.abc import Callable
from typing import Self

import requests

from tests.conftest import wait_until
from tests.processes.predict_api import PredictApi
from tests.tiny_models import ROW


class Callers:
    """Threads that send requests until the block ends; each answer or failure is kept.

    They pause after each answer: without a pause they would take the processor from the services under test.
    """

    PAUSE = 0.01

    def __init__(self, api: PredictApi, threads: int = 3, *, may_be_refused: bool = False) -> None:
        self.answers: list[tuple[int, bool, int]] = []  # status, stale, prediction (-1 for none)
        self.failures: list[str] = []
        self._api, self._may_be_refused = api, may_be_refused
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self) -> None:
        session = requests.Session()
        while not self._stop.wait(self.PAUSE):
            try:
                answer = session.post(f"{self._api.url}/predict", json=ROW, timeout=30)
            except requests.ConnectionError as error:
                if self._may_be_refused and "refused" in str(error).lower():
                    return
                self.failures.append(repr(error))
                continue
            stale = answer.headers.get("Model-Stale") == "true"
            body = answer.json()
            if answer.status_code != 200:
                self.failures.append(f"{answer.status_code} {body}")
                continue
            if body["model_version"] != answer.headers["Model-Version"]:
                self.failures.append(f"two versions in one answer: {body} {answer.headers}")
            self.answers.append((answer.status_code, stale, body["prediction"]))

    def until(self, condition: Callable[["Callers"], object], what: str) -> None:
        wait_until(lambda: condition(self), 30, what)


def stale(api: PredictApi) -> bool:
    """Whether an answer has the mark that it was not confirmed as current."""
    answer = api.predict()
    assert (answer.status_code, answer.json()["prediction"]) == (200, 1)
    return answer.headers.get("Model-Stale") == "true"


def none_stale(api: PredictApi) -> bool:
    """Whether six answers in a row, of any workers, were confirmed."""
    return not any(stale(api) for _ in range(6))
