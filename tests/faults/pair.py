"""A real model_server and a real predict_api that reaches it through a fault proxy."""

import io
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import psutil
from sklearn.neighbors import KNeighborsClassifier

from changeover import digest
from tests.conftest import wait_until
from tests.fault_proxy import BLACK_HOLE, FaultProxy
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi

MODEL = "loan"
CLASSES = 20


@cache
def heavy(number: int) -> bytes:
    """A model of columns `a` and `b` that answers `number` near zero, in an artifact of some 150 kB.

    Rows far away give all models the same classes, so that any of them may be rolled after any other.
    """
    frame = pd.DataFrame({"a": np.linspace(0.0, 2.0, 5000), "b": np.linspace(1.0, 3.0, 5000)})
    far = pd.DataFrame({"a": np.full(CLASSES, 1e9), "b": np.full(CLASSES, 1e9)})
    buffer = io.BytesIO()
    labels = [*[number] * len(frame), *range(CLASSES)]
    joblib.dump(KNeighborsClassifier(1).fit(pd.concat([frame, far]), labels), buffer)
    return buffer.getvalue()


class Pair:
    """`server` and `api`, with `proxy` between them."""

    def __init__(self, server: ModelServer, folder: Path) -> None:
        self.server, self._folder = server, folder
        self.cache = folder / "cache"
        self.proxy = FaultProxy(("127.0.0.1", server.port))
        self._api: PredictApi | None = None

    @property
    def api(self) -> PredictApi:
        assert self._api is not None
        return self._api

    def start(self, server_settings: dict[str, str] | None = None, **settings: str) -> "Pair":
        """Start both; every worker answers by the first model."""
        self.server.start(**(server_settings or {}))
        self.publish(1)
        assert self.roll(1)
        environment = {"REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": MODEL, "WORKERS": "1", **settings}
        self._api = PredictApi(self.proxy.url, self._folder, **environment).start()
        wait_until(lambda: self.answers(1), what="the first model answers")
        return self.meet(int(settings.get("WORKERS", "1")))

    def meet(self, workers: int = 1) -> "Pair":
        """Wait until every worker has reported to the running model_server; a roll waits only for such workers."""

        def known() -> bool:
            description = self.server.get(f"/models/{MODEL}").json()
            held = [replica["held"] for replica in description.get("replicas", []) if replica["awaited"]]
            current = (
                {name: description["current"][name] for name in ("sequence", "version")}
                if description.get("current")
                else None
            )
            return len(held) >= workers and all(replica == current for replica in held)

        wait_until(known, what="model_server has heard of the replicas")
        return self

    def publish(self, number: int) -> str:
        answer = self.server.publish(heavy(number), MODEL)
        assert answer.ok, answer.text
        return str(answer.json()["version"])

    def roll(self, number: int) -> bool:
        """Whether the roll of the nth model was committed."""
        return bool(self.server.roll(digest.sha256(heavy(number)), MODEL).json().get("state") == "committed")

    def answers(self, number: int, *, stale: bool = False, times: int = 4) -> bool:
        """Whether the next few answers are the nth model's, and stale or not."""
        answers = [self.api.predict() for _ in range(times)]
        assert {answer.status_code for answer in answers} == {200}, answers[0].text
        predictions = {(answer.json()["prediction"], answer.headers.get("Model-Stale") == "true") for answer in answers}
        return predictions == {(number, stale)}

    def partition(self) -> None:
        """Let no byte pass between the two from now on, without any error to either of them."""
        self.proxy.requests = self.proxy.answers = BLACK_HOLE
        self.proxy.break_off()

    def server_worker(self) -> psutil.Process:
        """The process of model_server that serves."""
        return wait_until(self.server.workers, what="the worker of model_server")[0]

    def end(self) -> None:
        if self._api is not None:
            self._api.close()
        self.proxy.close()
