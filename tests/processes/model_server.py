"""A real model_server on a real store, and the calls that tests make to it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from tests.conftest import port_that_is_free
from tests.processes.service import ServiceProcess
from tests.processes.store import ACCESS_KEY, SECRET_KEY, Store

PUBLISH_TOKEN, REPORT_TOKEN = "publish-token-of-tests", "report-token-of-tests"


class ModelServer(ServiceProcess):
    """One model_server; `start` after its end is a restart on the same store."""

    ready_path = "/readyz"

    def __init__(self, store: Store, bucket: str, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        environment = {
            "AWS_ENDPOINT_URL_S3": store.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "BUCKET": bucket,
            "CREATE_BUCKET": "true",
            "PUBLISH_TOKEN": PUBLISH_TOKEN,
            "REPORT_TOKEN": REPORT_TOKEN,
            "SPOOL_DIR": str(folder / "spool"),
            "DEFAULT_MODEL": "loan",
            "INCOMING_POLL": "0.2",
            "RUNTIME": "sklearn",  # a test of ONNX twins says so
            **(settings or {}),
        }
        port = port_that_is_free()
        super().__init__(folder / "model_server.log", {"SERVER_PORT": str(port), **environment}, port)
        self.store, self.bucket, self.folder = store, bucket, folder

    def command(self) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "model_server"]

    def get(self, path: str, token: str | None = PUBLISH_TOKEN, **more: Any) -> requests.Response:
        """The response to a GET."""
        return requests.get(f"{self.url}{path}", headers=_headers(token, more), timeout=30, **more)

    def post(self, path: str, token: str | None = PUBLISH_TOKEN, **more: Any) -> requests.Response:
        """The response to a POST."""
        return requests.post(f"{self.url}{path}", headers=_headers(token, more), timeout=90, **more)

    def publish(self, body: bytes, model: str = "loan", **more: Any) -> requests.Response:
        """Publish an artifact as raw bytes."""
        headers = {"Content-Type": "application/octet-stream", **more.pop("headers", {})}
        return self.post(f"/models/{model}/versions", data=body, headers=headers, **more)

    def roll(self, version: str, model: str = "loan", wait: float = 30.0) -> requests.Response:
        """Roll, and wait for the end of the rollout."""
        body = {"version": version, "reason": "a test"}
        return self.post(f"/models/{model}/rollouts?wait={wait}", json=body)

    def report(self, replica: str, ready: list[str], failed: dict[str, str] | None = None) -> int:
        """Send the status report of a replica that does not exist; the status of the response."""
        body = {"replica": replica, "host": "h", "pid": 1, "held": None, "ready": ready, "failed": failed or {}}
        headers = {"Authorization": f"Bearer {REPORT_TOKEN}"}
        address = f"{self.url}/models/loan/replicas/{replica}"
        return requests.put(address, json=body, headers=headers, timeout=30).status_code


def _headers(token: str | None, more: dict[str, Any]) -> dict[str, str]:
    return {**more.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
