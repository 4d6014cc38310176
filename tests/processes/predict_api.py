"""A real predict_api, as `python -m predict_api` starts it, and the calls that tests make to it."""

import sys
from pathlib import Path
from typing import Any

import requests

from tests.conftest import port_that_is_free
from tests.processes.service import ServiceProcess
from tests.tiny_models import ROW


class PredictApi(ServiceProcess):
    """One instance of predict_api."""

    arguments: tuple[str, ...] = ()

    def __init__(self, server_url: str, folder: Path, **settings: str) -> None:
        environment = {
            "MODEL_SERVER_URL": server_url,
            "REPORT_TOKEN": "report-token",
            "WORKERS": "2",
            "CACHE_DIR": str(folder / "cache"),
            "CHECK_DEADLINE_MS": "1000",  # without a fault no answer is stale, however busy the machine is
            "DRAIN_SECONDS": "0",  # no load balancer has to notice the end
            **settings,
        }
        chosen = settings.get("PREDICT_PORT", "")
        port = int(chosen) if chosen.isdecimal() else port_that_is_free()
        super().__init__(folder / f"predict-{port}.log", {"PREDICT_PORT": str(port), **environment}, port)

    def command(self) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "predict_api", *self.arguments]

    def predict(self, body: object = None, path: str = "/predict", **kwargs: Any) -> requests.Response:
        """The response to a prediction request."""
        return requests.post(f"{self.url}{path}", json=ROW if body is None else body, timeout=30, **kwargs)

    def get(self, path: str) -> requests.Response:
        """The response to a GET."""
        return requests.get(f"{self.url}{path}", timeout=30)


class Instances:
    """Any number of instances of one model_server, or of its stub, ended together."""

    def __init__(self, folder: Path, server_url: str) -> None:
        self._folder, self._server_url = folder, server_url
        self._started: list[PredictApi] = []

    def start(self, **settings: str) -> PredictApi:
        """Start another instance, and return when it answers."""
        api = PredictApi(self._server_url, self._folder, **settings)
        self._started.append(api)
        return api.start()

    def end(self) -> None:
        """End those that still run."""
        for api in self._started:
            api.close()
