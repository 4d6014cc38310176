"""Attacks on files: what they write, where, and by which method of an allowed object."""

from tests.attacks.artifacts.forging import at_missing, cached, calls, content, through, writes
from tests.attacks.attack import Attack, Target
from tests.forged_models import dumped

_TEXT = b"written by a model"


def _tofile(folder: str = "") -> object:
    def build(target: Target) -> bytes:
        where = str(target.home) if folder == "home" else folder
        return dumped(at_missing(through(writes(_TEXT, target.file("tofile", where)))))

    return build


def _dump(target: Target) -> bytes:
    return dumped(at_missing(through(calls(content(_TEXT), "dump", target.file("dump")))))


def _cache(target: Target) -> bytes:
    return dumped(at_missing(through(calls(cached(target.file("cache")), "fit"))))


def _symlink_of_a_secret(target: Target) -> bytes:
    """Overwrite a file of the test by its path."""
    return dumped(at_missing(through(writes(b"overwritten", str(target.secret_file)))))


def _program_of_the_stack(target: Target) -> bytes:
    """Write where Python looks at its start."""
    return dumped(at_missing(through(writes(_TEXT, target.file("sitecustomize.py", "/proc/self/cwd")))))


ATTACKS = (
    Attack("tofile", "ndarray.tofile writes a file into a folder of the test", _tofile()),
    Attack("tofile in the home", "ndarray.tofile writes a file beside the stack's own", _tofile("home")),
    Attack("tofile in /tmp", "ndarray.tofile writes a file into /tmp", _tofile("/tmp")),
    Attack("tofile in /dev/shm", "ndarray.tofile writes a file into shared memory", _tofile("/dev/shm")),
    Attack(
        "tofile in the working folder", "ndarray.tofile writes into the process's working folder", _program_of_the_stack
    ),
    Attack("overwrites a file", "ndarray.tofile overwrites a file that others need", _symlink_of_a_secret),
    Attack("ndarray.dump", "ndarray.dump pickles into a file", _dump),
    Attack("cache folder", "Pipeline.memory makes a cache folder by a fit at request time", _cache),
)
