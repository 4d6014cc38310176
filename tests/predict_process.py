"""A real predict_api in a process of its own, as `python -m predict_api` starts it, and callers that never stop."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil
import requests

from tests.conftest import PATIENCE, port_that_is_free, wait_until
from tests.tiny_models import ROW

ROOT = Path(__file__).parent.parent


class PredictApi:
    """One instance; `log` holds its events once they are read."""

    def __init__(self, port: int, server_url: str, folder: Path, **settings: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"predict-{port}.log"
        given = {
            "PREDICT_PORT": str(port),
            "MODEL_SERVER_URL": server_url,
            "REPORT_TOKEN": "report-token",
            "WORKERS": "2",
            "CACHE_DIR": str(folder / "cache"),
            "CHECK_DEADLINE_MS": "1000",  # where all is well no answer is stale, however busy the machine
            **settings,
        }
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "predict_api"],
                cwd=ROOT,
                env={**os.environ, **given},
                stdout=log,
                stderr=log,
            )

    def wait_until_it_listens(self) -> None:
        def listens() -> bool:
            assert self.process.poll() is None, self._log.read_text()
            try:
                return requests.get(f"{self.url}/livez", timeout=5).status_code == 200
            except (requests.ConnectionError, requests.Timeout):
                return False

        wait_until(listens, 40, "predict_api listens")

    def predict(self, body: object = None, path: str = "/predict", **kwargs: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=ROW if body is None else body, timeout=30, **kwargs)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=30)

    def workers(self) -> list[psutil.Process]:
        return [one for one in psutil.Process(self.process.pid).children() if one.status() != psutil.STATUS_ZOMBIE]

    def events(self, name: str) -> list[dict[str, Any]]:
        found = []
        for line in self._log.read_text().splitlines():
            if line.startswith("{"):
                one = json.loads(line)
                if one["event"] == name:
                    found.append(one)
        return found

    def text(self) -> str:
        return self._log.read_text()

    def end(self) -> int:
        """SIGTERM, as an operator or Docker sends it; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30 * PATIENCE)

    def kill(self) -> None:
        if self.process.poll() is None:
            try:
                self.end()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Instances:
    """Any number of instances of one model_server, or of its stub, ended together."""

    def __init__(self, folder: Path, server_url: str) -> None:
        self._folder, self._server_url = folder, server_url
        self._started: list[PredictApi] = []

    def start(self, **settings: str) -> PredictApi:
        api = PredictApi(port_that_is_free(), self._server_url, self._folder, **settings)
        self._started.append(api)
        api.wait_until_it_listens()
        return api

    def end(self) -> None:
        for api in self._started:
            api.kill()


class Callers:
    """Threads that ask again and again until they are told to stop; each answer or failure is kept.

    They pause for a moment after each answer: without it they would take the processor from what they watch.
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
    """Whether an answer says that it could not be confirmed as current."""
    answer = api.predict()
    assert (answer.status_code, answer.json()["prediction"]) == (200, 1)
    return answer.headers.get("Model-Stale") == "true"


def none_stale(api: PredictApi) -> bool:
    """Whether six answers in a row, of whichever workers, were confirmed."""
    return not any(stale(api) for _ in range(6))
