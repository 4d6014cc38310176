"""The embedded store as a process: its durability, its end, and its confinement to one user."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from object_store.bucket import Bucket, Created
from object_store.exceptions import AccessDenied, StoreUnavailable
from tests.conftest import port_that_is_free, wait_until
from tests.processes.store import ACCESS_KEY, SECRET_KEY, Store

Eventually = Callable[..., object]


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Store]:
    """A store for one test, which may stop it."""
    with Store("seaweed", tmp_path) as store:
        yield store


def reads(bucket: Bucket, key: str) -> bool:
    """Whether an object can be read: a killed store answers 500 until all its parts are connected again."""
    try:
        bucket.read(key, 10 << 20)
    except StoreUnavailable:
        return False
    return True


def test_what_was_acknowledged_is_there_after_sigkill(embedded: Store) -> None:
    bucket = embedded.bucket()
    bodies = {f"rollouts/loan/{number:08d}.json": os.urandom(2000) for number in range(1, 101)}
    bodies["versions/loan/model"] = os.urandom(9 << 20)
    for key, body in bodies.items():
        assert bucket.create(key, body) is Created.YES
    embedded.kill()
    embedded.start()
    after = embedded.bucket()
    wait_until(lambda: reads(after, "versions/loan/model"), 30, "the first read after the start")
    assert {stored.key: after.read(stored.key, 10 << 20) for stored in after.list("")} == bodies
    assert after.create("rollouts/loan/00000001.json", b"another") is Created.NO


def test_it_starts_again_on_what_it_kept_with_other_ports_and_other_keys(embedded: Store) -> None:
    embedded.bucket().create("a", b"kept")
    assert embedded.end() == 0
    (embedded.folder / "store/ports.json").unlink()
    embedded.port = port_that_is_free()
    embedded.start()
    bucket = embedded.bucket()
    wait_until(lambda: reads(bucket, "a"), 30, "the first read after the start")
    assert bucket.read("a", 10) == b"kept"
    assert bucket.create("a", b"other") is Created.NO
    assert bucket.create("b", b"new") is Created.YES
    assert bucket.read("b", 10) == b"new"


def test_it_takes_its_last_ports_again_where_they_are_free(tmp_path: Path) -> None:
    with Store("seaweed", tmp_path) as store:
        ports = json.loads((tmp_path / "store/ports.json").read_text())
        store.end()
        store.start()
        assert json.loads((tmp_path / "store/ports.json").read_text()) == ports


def test_the_process_that_was_started_is_the_store(embedded: Store) -> None:
    assert embedded.process
    process = psutil.Process(embedded.process.pid)
    assert process.name() == "weed"
    assert process.children() == []


def test_no_process_is_left_when_its_parent_is_killed(tmp_path: Path, eventually: Eventually) -> None:
    port = port_that_is_free()
    command = [sys.executable, "-m", "object_store.embedded", "--dir", str(tmp_path / "store"), "--port", str(port)]
    parent = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); sys.stdin.read()"
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    with subprocess.Popen(
        [sys.executable, "-c", parent, *command], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        eventually(lambda: Store("seaweed", tmp_path, port).answers("/"), 30, "the store answers")
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", what="the store's end")


def test_it_listens_on_the_loopback_interface_only(embedded: Store) -> None:
    assert embedded.process
    listening = [
        each for each in psutil.Process(embedded.process.pid).net_connections("tcp") if each.status == "LISTEN"
    ]
    assert embedded.port in {each.laddr.port for each in listening}
    assert {each.laddr.ip for each in listening} == {"127.0.0.1"}


def test_other_users_cannot_read_the_folder_and_no_secret_is_in_it(embedded: Store) -> None:
    embedded.bucket().create("a", b"x")
    embedded.end()
    store = embedded.folder / "store"
    logs = [path for path in (store / "log").iterdir() if not path.is_symlink()]
    for path in (store, store / "data", store / "log", store / "ports.json", *logs):
        assert path.stat().st_mode & 0o077 == 0, path  # some data files have mode 0644, but their folder has 0700
    for path in store.rglob("*"):
        if path.is_file():
            assert SECRET_KEY.encode() not in path.read_bytes(), path
    assert SECRET_KEY not in embedded.log


def test_a_second_store_on_the_same_folder_is_refused(embedded: Store) -> None:
    second = _run(embedded.folder / "store", 0)
    assert second.returncode == 1
    assert "another store runs in" in second.stderr
    assert embedded.bucket().create("a", b"x") is Created.YES


def test_a_busy_port_is_named(embedded: Store, tmp_path: Path) -> None:
    second = _run(tmp_path / "second", embedded.port)
    assert second.returncode == 1
    assert f"port {embedded.port} is busy" in second.stderr


def test_missing_keys_are_named(tmp_path: Path) -> None:
    second = _run(tmp_path / "second", 0, keys={})
    assert second.returncode == 1
    assert "AWS_ACCESS_KEY_ID is not set" in second.stderr


def test_a_store_that_was_killed_is_unavailable_and_then_there_again(embedded: Store) -> None:
    bucket = embedded.bucket(store_timeout=2.0)
    bucket.create("a", b"x")
    embedded.kill()
    for act in (
        bucket.ensure,
        lambda: bucket.stat("a"),
        lambda: bucket.create("b", b""),
        lambda: list(bucket.list("")),
    ):
        with pytest.raises(StoreUnavailable, match=str(embedded.port)):
            act()
    embedded.start()
    wait_until(lambda: reads(bucket, "a"), 30, "the first read after the start")
    assert bucket.read("a", 1) == b"x"


def test_other_keys_than_its_own_are_refused(embedded: Store) -> None:
    with pytest.raises(AccessDenied):
        Bucket(embedded.settings(aws_access_key_id="somebody")).ensure()


def _run(folder: Path, port: int, keys: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    access_keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY} if keys is None else keys
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | access_keys
    command = [sys.executable, "-m", "object_store.embedded", "--dir", str(folder), "--port", str(port)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
