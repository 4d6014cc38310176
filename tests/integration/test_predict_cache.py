"""The disk cache of predict_api: verified on every read, shared by workers, optional; faults 46-48."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from changeover import digest
from changeover.manifest.manifest import Manifest
from changeover.protocol.wire import Current
from predict_api.preparation.disk_cache import KEPT, Cache

BUFFER = b"a model"
VERSION = digest.sha256(BUFFER)


class Download:
    """A download that counts its calls."""

    def __init__(self, buffer: bytes = BUFFER) -> None:
        self.times = 0
        self._buffer = buffer

    def __call__(self) -> bytes:
        self.times += 1
        return self._buffer


def manifest(version: str = VERSION) -> Manifest:
    return Manifest("loan", version, len(BUFFER), "2026-01-31T12:00:00Z", {"columns": [{"name": "a"}]}, {})


def test_an_artifact_is_downloaded_once(tmp_path: Path) -> None:
    download = Download()
    for _ in range(3):
        assert Cache(tmp_path).artifact("loan", VERSION, download) == BUFFER
    assert download.times == 1


def test_of_many_concurrent_workers_one_downloads_and_the_others_read(tmp_path: Path) -> None:
    download, start, buffers = Download(), threading.Barrier(8), []

    def read() -> None:
        start.wait(10)
        buffers.append(Cache(tmp_path).artifact("loan", VERSION, download))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (download.times, buffers) == (1, [BUFFER] * 8)


@pytest.mark.parametrize("damaged", [b"", BUFFER[:-1], b"A model", BUFFER + b"!"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damaged: bytes) -> None:
    cache, download = Cache(tmp_path), Download()
    cache.artifact("loan", VERSION, download)
    path = tmp_path / "loan" / f"{VERSION}.joblib"
    path.write_bytes(damaged)
    assert cache.artifact("loan", VERSION, download) == BUFFER
    assert (download.times, path.read_bytes()) == (2, BUFFER)


def test_no_half_written_file_is_left_behind(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.artifact("loan", VERSION, Download())
    cache.keep_manifest(manifest())
    assert {path.suffix for path in (tmp_path / "loan").iterdir()} <= {".joblib", ".json", ".lock"}


def test_manifest_and_current_come_back_after_a_restart(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep_manifest(manifest())
    cache.keep_current("loan", Current(3, VERSION))
    again = Cache(tmp_path)
    assert again.manifest("loan", VERSION) == manifest()
    assert (again.models(), again.current("loan")) == (["loan"], Current(3, VERSION))
    assert again.confirmed_at("loan") > 0


def test_what_another_worker_confirmed_later_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep_current("loan", Current(3, VERSION))
    cache.keep_current("loan", Current(2, VERSION))
    assert cache.current("loan") == Current(3, VERSION)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sequence": "x"}', '{"format": 0}'])
def test_files_that_are_not_ours_count_as_absent(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "loan"
    folder.mkdir()
    for name in ("current.json", f"{VERSION}.json"):
        (folder / name).write_text(content)
    cache = Cache(tmp_path)
    assert (cache.current("loan"), cache.manifest("loan", VERSION)) == (None, None)


def test_a_manifest_under_the_name_of_another_is_not_read(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep_manifest(manifest())
    (tmp_path / "loan" / f"{VERSION}.json").rename(tmp_path / "loan" / f"{'f' * 64}.json")
    assert cache.manifest("loan", "f" * 64) is None


def test_old_versions_are_forgotten_but_not_those_in_use(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    buffers = [f"model {number}".encode() for number in range(KEPT + 4)]
    for age, buffer in enumerate(buffers):
        cache.artifact("loan", digest.sha256(buffer), Download(buffer))
        path = tmp_path / "loan" / f"{digest.sha256(buffer)}.joblib"
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    oldest = digest.sha256(buffers[0])
    cache.prune("loan", {oldest})
    left = {path.stem for path in (tmp_path / "loan").glob("*.joblib")}
    assert left == {oldest, *(digest.sha256(buffer) for buffer in buffers[-KEPT:])}


class OtherWorker:
    """Another process that holds the lock until a line on its input; it makes the file `left` just before it leaves."""

    def __init__(self, folder: Path) -> None:
        self.left = folder / "left"
        self._process = subprocess.Popen(
            [sys.executable, "-c", HAS_ITS_TURN, str(folder), str(self.left)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"in\n"

    def leave(self) -> None:
        self._process.communicate(b"leave\n", timeout=30)


HAS_ITS_TURN = """
import sys
from pathlib import Path
from predict_api.preparation.disk_cache import Cache
with Cache(Path(sys.argv[1])).turn("loan", 30.0):
    print("in", flush=True)
    sys.stdin.readline()
    Path(sys.argv[2]).touch()
"""


def test_one_worker_at_a_time_has_its_turn(tmp_path: Path) -> None:
    other, entered, left_before = OtherWorker(tmp_path), threading.Event(), []

    def enter() -> None:
        with Cache(tmp_path).turn("loan", 30.0):
            left_before.append(other.left.exists())
            entered.set()

    thread = threading.Thread(target=enter)
    thread.start()
    entered.wait(0.3)
    other.leave()
    thread.join(30)
    assert left_before == [True]


def test_a_turn_that_does_not_come_is_given_up_and_another_models_is_not_waited_for(tmp_path: Path) -> None:
    other = OtherWorker(tmp_path)
    with Cache(tmp_path).turn("fraud", 30.0):
        assert not other.left.exists()
    with Cache(tmp_path).turn("loan", 0.1):
        assert not other.left.exists()
    with Cache(tmp_path).turn("loan", 0.0), Cache(None).turn("loan", 30.0):
        assert not other.left.exists()
    other.leave()


def test_without_a_directory_everything_is_downloaded() -> None:
    cache, download = Cache(None), Download()
    assert [cache.artifact("loan", VERSION, download) for _ in range(2)] == [BUFFER] * 2
    cache.keep_manifest(manifest())
    cache.keep_current("loan", Current(1, VERSION))
    cache.prune("loan", set())
    assert (download.times, cache.current("loan"), cache.manifest("loan", VERSION)) == (2, None, None)
    assert (cache.models(), cache.confirmed_at("loan")) == ([], 0.0)


def test_a_directory_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    cache = Cache(in_the_way)
    assert cache.artifact("loan", VERSION, Download()) == BUFFER
    cache.keep_manifest(manifest())
    cache.keep_current("loan", Current(1, VERSION))
    cache.prune("loan", set())
