"""The floors of the ledgers: they rise, outlast a restart, and never fall."""

from pathlib import Path

from model_server.sealing.floors import NAME, NOTHING, Floor, Floors

ONE, TWO = Floor(1, "a" * 64), Floor(2, "b" * 64)


def test_a_floor_rises_and_never_falls(tmp_path: Path) -> None:
    floors = Floors(tmp_path)
    assert floors.of("loan") == NOTHING
    floors.lift("loan", TWO)
    floors.lift("loan", ONE)
    floors.lift("fraud", ONE)
    assert (floors.of("loan"), floors.of("fraud")) == (TWO, ONE)
    again = Floors(tmp_path)
    assert (again.of("loan"), again.of("fraud")) == (TWO, ONE)


def test_without_a_folder_floors_last_as_long_as_the_process() -> None:
    floors = Floors(None)
    floors.lift("loan", ONE)
    assert floors.of("loan") == ONE
    assert Floors(None).of("loan") == NOTHING


def test_an_unreadable_file_is_logged_and_begins_again(tmp_path: Path, capsys) -> None:
    (tmp_path / NAME).write_bytes(b'{"loan": 1}')
    floors = Floors(tmp_path)
    assert floors.of("loan") == NOTHING
    floors.lift("loan", ONE)
    assert Floors(tmp_path).of("loan") == ONE
