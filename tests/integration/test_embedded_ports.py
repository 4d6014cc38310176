"""The ports of the embedded store: no other user of this machine reaches what the bucket has through them."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from changeover.up.open_ports import answers_strangers, listening
from object_store.embedded import weed_command
from object_store.embedded_ports import choose_ports
from tests.conftest import wait_until
from tests.processes.store import Store

NOBODY = 65534


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store in which something is stored, so that all its parts have called each other."""
    with Store("seaweed", tmp_path_factory.mktemp("store")) as store:
        store.bucket().create("versions/loan/a", os.urandom(100_000))
        yield store


def ports_of(store: Store) -> dict[str, int]:
    ports: dict[str, int] = json.loads((store.folder / "store/ports.json").read_text())
    return ports


def test_it_listens_on_its_own_ports_and_no_others(embedded: Store) -> None:
    assert embedded.process
    pid, expected = embedded.process.pid, {("127.0.0.1", port) for port in ports_of(embedded).values()}
    wait_until(lambda: len(listening([pid])) >= len(expected), 30, "every port")
    assert listening([pid]) == expected


def test_only_the_s3_api_answers_a_program_without_a_certificate(embedded: Store) -> None:
    answering = {name for name, port in ports_of(embedded).items() if answers_strangers("127.0.0.1", port)}
    assert answering == {"s3.port"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_finds_no_other_port_that_answers(embedded: Store) -> None:
    ports = ports_of(embedded)
    read, write = os.pipe()
    child = os.fork()  # not a new interpreter: another user may not be permitted to start this one
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answering = [name for name, port in ports.items() if answers_strangers("127.0.0.1", port)]
            os.write(write, json.dumps(answering).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as answer:
        assert json.load(answer) == ["s3.port"]
    os.waitpid(child, 0)


def test_its_unix_sockets_are_its_users_alone(embedded: Store) -> None:
    assert embedded.process
    paths = {one.laddr for one in psutil.Process(embedded.process.pid).net_connections("unix") if one.laddr}
    files = [embedded.folder / "store" / str(path) for path in paths]
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files} == {0}


def test_a_port_that_needs_no_certificate_is_noticed(tmp_path: Path) -> None:
    ports = choose_ports(tmp_path / "ports.json", 0)
    for name in ("data", "log"):
        (tmp_path / name).mkdir()
    keys = {"AWS_ACCESS_KEY_ID": "another-access-key", "AWS_SECRET_ACCESS_KEY": "another-secret-key-0123"}
    with subprocess.Popen(
        weed_command(ports), cwd=tmp_path, env=keys, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as weed:
        try:
            wait_until(lambda: len(listening([weed.pid])) == len(ports), 30, "every port")
            answering = {name for name, port in ports.items() if answers_strangers("127.0.0.1", port)}
        finally:
            weed.terminate()
    assert answering == set(ports)


def test_its_keys_are_made_anew_at_each_start_and_readable_by_their_owner_alone(embedded: Store) -> None:
    folder = embedded.folder / "store/tls"
    assert folder.stat().st_mode & 0o077 == 0
    assert {file.name for file in folder.iterdir()} == {"ca.pem", "store.pem", "store.key"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
    before = (folder / "store.key").read_bytes()
    embedded.end()
    embedded.start()
    assert (folder / "store.key").read_bytes() != before
    assert embedded.bucket().stat("versions/loan/a").size == 100_000
