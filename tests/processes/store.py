"""A real store: the embedded one, or MinIO where its program is installed."""

import shutil
import sys
from pathlib import Path
from typing import Any, Literal

import requests

from object_store.bucket import Bucket
from object_store.exceptions import StoreUnavailable
from object_store.settings import StoreSettings
from tests.conftest import port_that_is_free, wait_until
from tests.processes.service import ServiceProcess

ACCESS_KEY = "an-access-key-of-tests"
SECRET_KEY = "a-secret-key-of-tests-0123456789"
Kind = Literal["seaweed", "minio"]


class Store(ServiceProcess):
    """One store; `start` after `kill` continues with the objects that it kept."""

    def __init__(self, kind: Kind, folder: Path, port: int = 0) -> None:
        environment = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        environment |= {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY}
        super().__init__(folder / "test.out", environment, port or port_that_is_free())
        self.kind, self.folder = kind, folder

    def command(self) -> list[str]:
        """The command line."""
        if self.kind == "minio":
            address, console = f"127.0.0.1:{self.port}", f"127.0.0.1:{port_that_is_free()}"
            data = str(self.folder / "data")
            return [str(minio_program()), "server", "--address", address, "--console-address", console, data]
        folder = ["--dir", str(self.folder / "store"), "--port", str(self.port)]
        return [sys.executable, "-m", "object_store.embedded", *folder]

    def answers(self, path: str) -> bool:
        """Whether the store answers, with any status."""
        try:
            requests.get(self.url, timeout=1)
        except (requests.ConnectionError, requests.Timeout):
            return False
        return True

    @property
    def log(self) -> str:
        """The output of every run, and of the embedded store's last one."""
        embedded = self.folder / "store/log/weed.out"
        return super().log + (embedded.read_text(encoding="utf-8", errors="replace") if embedded.exists() else "")

    def settings(self, **changes: Any) -> StoreSettings:
        """The settings of a client."""
        defaults = {
            "aws_endpoint_url_s3": self.url,
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "create_bucket": True,
            "store_timeout": 10.0,
        }
        return StoreSettings(**{**defaults, **changes})

    def bucket(self, **changes: Any) -> Bucket:
        """A bucket that exists; a store that has just started may refuse for a while to make it."""
        bucket = Bucket(self.settings(**changes))
        wait_until(lambda: _exists(bucket), 30, "the bucket")
        return bucket


def _exists(bucket: Bucket) -> bool:
    try:
        bucket.ensure()
    except StoreUnavailable:
        return False
    return True


def minio_program() -> Path | None:
    """The program of MinIO, or None."""
    found = shutil.which("minio") or Path.home() / "go/bin/minio"
    return Path(found) if Path(found).is_file() else None
