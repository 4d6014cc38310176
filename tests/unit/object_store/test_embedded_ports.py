"""The ports of the embedded store: kept for the next start if they are free."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from changeover.up.ports import LOOPBACK, first_ephemeral
from object_store.embedded_ports import choose_ports
from object_store.exceptions import StoreUnavailable


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_ports_are_distinct_and_the_next_start_takes_them_again(tmp_path: Path) -> None:
    ports = choose_ports(tmp_path / "ports.json", 0)
    assert len(set(ports.values())) == len(ports) == 10
    assert ports["admin.port.grpc"] == ports["admin.port"] + 10_000
    assert choose_ports(tmp_path / "ports.json", 0) == ports


def test_no_port_is_one_that_the_system_gives_to_outgoing_connections(tmp_path: Path) -> None:
    for number in range(20):
        assert max(choose_ports(tmp_path / f"{number}.json", 0).values()) < first_ephemeral()


def test_a_port_that_became_busy_is_replaced_and_the_others_stay(tmp_path: Path, busy_port: int) -> None:
    file = tmp_path / "ports.json"
    ports = choose_ports(file, 0)
    file.write_text(json.dumps(ports | {"filer.port": busy_port, "admin.port": "x", "master.port": 70_000}))
    chosen = choose_ports(file, 0)
    assert chosen["filer.port"] != busy_port
    kept = set(ports) - {"filer.port", "admin.port", "admin.port.grpc", "master.port"}
    assert {option: chosen[option] for option in kept} == {option: ports[option] for option in kept}


def test_a_given_port_is_taken_or_refused(tmp_path: Path, busy_port: int) -> None:
    file = tmp_path / "ports.json"
    first = choose_ports(file, 0)
    assert choose_ports(file, first["filer.port"])["s3.port"] == first["filer.port"]
    with pytest.raises(StoreUnavailable, match=f"port {busy_port} is busy"):
        choose_ports(file, busy_port)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_file_of_ports_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    assert len(choose_ports(tmp_path / "ports.json", 0)) == 10
