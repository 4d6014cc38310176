"""Atomic writes: a complete file that only its owner may read, and no temporary file is left."""

import stat
from pathlib import Path

import pytest

from changeover.process.atomic_file import write_atomically


def test_a_file_is_replaced_whole_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "current.json"
    path.write_text("old")
    with path.open() as reader:
        write_atomically(path, b"new")
        assert reader.read() == "old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_content_and_no_other_file(tmp_path: Path) -> None:
    taken = tmp_path / "a folder"
    taken.mkdir()
    with pytest.raises(OSError, match="a folder"):
        write_atomically(taken, b"new")
    assert list(tmp_path.iterdir()) == [taken]
