"""Real stores as child processes of a test: the embedded one, and MinIO where its program is there."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from object_store.bucket import Bucket
from object_store.embedded import wait_ready
from object_store.settings import StoreSettings

ACCESS_KEY = "an-access-key-of-tests"
SECRET_KEY = "a-secret-key-of-tests-0123456789"


@dataclass
class Store:
    """One running store; `start` again after `kill` takes up what it kept."""

    kind: str
    folder: Path
    port: int = 0
    log: Path = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "test.out"
        self.port = self.port or free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Store":
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        environment |= {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), env=environment, stdout=log, stderr=log)
        wait_ready(self.url, 30)
        return self

    def command(self) -> list[str]:
        if self.kind == "minio":
            address = f"127.0.0.1:{self.port}"
            console = f"127.0.0.1:{free_port()}"
            data = str(self.folder / "data")
            return [str(minio_program()), "server", "--address", address, "--console-address", console, data]
        place = ["--dir", str(self.folder / "store"), "--port", str(self.port)]
        return [sys.executable, "-m", "object_store.embedded", *place]

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(20)

    def settings(self, **changes: Any) -> StoreSettings:
        given = {
            "aws_endpoint_url_s3": self.url,
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "create_bucket": True,
            "store_timeout": 10.0,
        }
        return StoreSettings(**{**given, **changes})

    def bucket(self, **changes: Any) -> Bucket:
        """A bucket that is there."""
        bucket = Bucket(self.settings(**changes))
        bucket.ensure()
        return bucket


def minio_program() -> Path | None:
    found = shutil.which("minio") or Path.home() / "go/bin/minio"
    return Path(found) if Path(found).is_file() else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
