"""A real model_server as a child process of a test, on a real store."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.conftest import PATIENCE, port_that_is_free, wait_until
from tests.integration.stores import ACCESS_KEY, SECRET_KEY, Store, ended

PUBLISH_TOKEN, REPORT_TOKEN = "publish-token-of-tests", "report-token-of-tests"


@dataclass
class ServerProcess:
    """One model_server; `start` again after `end` is a restart on the same store."""

    store: Store
    bucket: str
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=port_that_is_free)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "model_server.log").read_text(encoding="utf-8")

    def start(self, ready: bool = True, **settings: str) -> "ServerProcess":
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL_S3": self.store.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "BUCKET": self.bucket,
            "CREATE_BUCKET": "true",
            "PUBLISH_TOKEN": PUBLISH_TOKEN,
            "REPORT_TOKEN": REPORT_TOKEN,
            "SERVER_PORT": str(self.port),
            "SPOOL_DIR": str(self.folder / "spool"),
            "DEFAULT_MODEL": "loan",
            "INCOMING_POLL": "0.2",
            "RUNTIME": "sklearn",  # twins are made where a test is about them
            **self.settings,
            **settings,
        }
        with (self.folder / "model_server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "model_server"], env=environment, stdout=log, stderr=log
            )
        try:
            wait_until(lambda: self.answers("/livez") or self.process_ended(), 30, "model_server's /livez")
            if ready:
                wait_until(lambda: self.answers("/readyz"), 30, "model_server's /readyz")
        except BaseException:
            self.end(signal.SIGKILL)
            raise
        return self

    def process_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def answers(self, path: str) -> bool:
        try:
            return requests.get(f"{self.url}{path}", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        workers = psutil.Process(self.process.pid).children() if self.process.poll() is None else []
        self.process.send_signal(number)
        code = ended(self.process)
        _, left = psutil.wait_procs(workers, timeout=30 * PATIENCE)  # else an old one answers for the next one
        assert left == []
        return code

    def process_threads(self) -> int:
        """How many threads the process that serves has."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children()[0].num_threads()

    def get(self, path: str, token: str | None = PUBLISH_TOKEN, **more: Any) -> requests.Response:
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        return requests.get(f"{self.url}{path}", headers=headers, timeout=30, **more)

    def post(self, path: str, token: str | None = PUBLISH_TOKEN, **more: Any) -> requests.Response:
        headers = {**more.pop("headers", {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return requests.post(f"{self.url}{path}", headers=headers, timeout=90, **more)

    def publish(self, body: bytes, model: str = "loan", **more: Any) -> requests.Response:
        headers = {"Content-Type": "application/octet-stream", **more.pop("headers", {})}
        return self.post(f"/models/{model}/versions", data=body, headers=headers, **more)

    def roll(self, version: str, model: str = "loan", wait: float = 30.0) -> requests.Response:
        body = {"version": version, "reason": "a test"}
        return self.post(f"/models/{model}/rollouts?wait={wait}", json=body)

    def report(self, replica: str, ready: list[str], failed: dict[str, str] | None = None) -> int:
        body = {"replica": replica, "host": "h", "pid": 1, "held": None, "ready": ready, "failed": failed or {}}
        headers = {"Authorization": f"Bearer {REPORT_TOKEN}"}
        address = f"{self.url}/models/loan/replicas/{replica}"
        return requests.put(address, json=body, headers=headers, timeout=30).status_code
