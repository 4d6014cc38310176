"""Real stores as child processes of a test: the embedded one, and MinIO where its program is there."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from changeover.process import clock
from object_store.bucket import Bucket
from object_store.exceptions import StoreUnavailable
from object_store.settings import StoreSettings
from tests.conftest import PATIENCE, port_that_is_free, wait_until

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
        self.port = self.port or port_that_is_free()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Store":
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        environment |= {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), env=environment, stdout=log, stderr=log)
        try:
            wait_ready(self.url, 30 * PATIENCE)
        except BaseException:
            self.kill()
            raise
        return self

    def command(self) -> list[str]:
        if self.kind == "minio":
            address = f"127.0.0.1:{self.port}"
            console = f"127.0.0.1:{port_that_is_free()}"
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
        return ended(self.process)

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
        """A bucket that is there; a store that has just started may say for a while that it cannot make one."""
        bucket = Bucket(self.settings(**changes))
        wait_until(lambda: _is_there(bucket), 30, "the bucket")
        return bucket


def _is_there(bucket: Bucket) -> bool:
    try:
        bucket.ensure()
    except StoreUnavailable:
        return False
    return True


def ended(process: "subprocess.Popen[bytes]", seconds: float = 30.0) -> int:
    """The exit code of a process that was told to end; one that does not is killed, and that is the test's failure."""
    try:
        return process.wait(seconds * PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def minio_program() -> Path | None:
    found = shutil.which("minio") or Path.home() / "go/bin/minio"
    return Path(found) if Path(found).is_file() else None


def wait_ready(endpoint: str, seconds: float = 20.0) -> None:
    """Return once `endpoint` answers HTTP with any status, else raise StoreUnavailable."""
    deadline = clock.now() + seconds
    pause = threading.Event()
    address = urlsplit(endpoint)
    while True:
        connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=1.0)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            if clock.now() >= deadline:
                raise StoreUnavailable(f"no store answered at {endpoint} in {seconds:g} s: {error}") from None
        else:
            return
        finally:
            connection.close()
        pause.wait(0.05)
