"""The attacks by code that is admitted: classes of a package that the operator allowed."""

import json
from collections.abc import Callable
from itertools import chain

import numpy as np

from tests.attacks.attack import QUIET, Attack, Target
from tests.forged_models import dumped

try:  # the wheel, where the stack's environment has it
    from hostile import TRIGGER, Hostile  # type: ignore[import-not-found, unused-ignore]
except ImportError:  # the sources, which an editable install of the project makes importable
    from tests.attacks.hostile_package.hostile import TRIGGER, Hostile

ALLOWED = f"{Hostile.__module__}.{Hostile.__name__}"
_CRASHED, _TIMEOUT, _MEMORY = ("model-crashed",), ("model-timeout",), ("model-out-of-memory", "model-crashed")
_ACTS: dict[str, tuple[str, ...]] = {
    "write_files": (),
    "make_links": (),
    "start_program": (),
    "fork": (),
    "vfork_and_clone": (),
    "fork_bomb": (),
    "thread_bomb": (),
    "thread_that_stays": (),
    "connect": (),
    "listen": (),
    "tell_environment": (),
    "tell_environment_in_error": (),
    "read_proc": (),
    "read_files": (),
    "inherited_descriptors": (),
    "false_messages": (),
    "endless_message": (),
    "close_descriptors": _CRASHED,
    "hold_descriptors": _TIMEOUT,
    "kill_parent": (),
    "kill_others": (),
    "trace_others": (),
    "run_from_memory": (),
    "replace_itself": (),
    "shared_memory": (),
    "change_limits": _MEMORY,
    "change_priority": _TIMEOUT,
    "allocate": _MEMORY,
    "answer_of_gigabytes": (),
    "sleep": _TIMEOUT,
    "spin": _TIMEOUT,
    "leave": _CRASHED,
    "crash": _CRASHED,
    "abort": _CRASHED,
    "quit_by_exception": (),
    "interrupt": (),
    "overflow_the_stack": (*_CRASHED, "model-timeout"),
    "replace_functions": (),
}
_SETS_OFF = {**QUIET, "a": TRIGGER}


def _build(act: str, *, on_load: bool = False) -> Callable[[Target], bytes]:
    def build(target: Target) -> bytes:
        pids = []
        described = target.home / "up.json"
        if described.is_file():
            known = json.loads(described.read_text(encoding="utf-8"))["pids"]
            pids = [known["up"], known["model_server"], known["store"], *chain.from_iterable(known["predict_api"])]
        words = {
            "files": [target.file(act), target.file(act, str(target.home))]
            + [target.file(act, folder) for folder in ("/tmp", "/dev/shm")],
            "program": target.program,
            "port": target.port,
            "address": target.address,
            "secret": str(target.secret_file),
            "home": str(target.home),
            "pids": pids,
        }
        return dumped(Hostile(act, words, on_load).fit(np.zeros((2, 3))))

    return build


_ON_LOAD = (
    "write_files",
    "start_program",
    "fork",
    "connect",
    "tell_environment_in_error",
    "false_messages",
    "kill_parent",
)
HOSTILE = (
    *(
        Attack(f"admitted: {act}", f"a class of an allowed package: {act}", _build(act), (_SETS_OFF,), ends=ends)
        for act, ends in _ACTS.items()
    ),
    *(
        Attack(f"loading: {act}", f"the same while it is loaded: {act}", _build(act, on_load=True), (_SETS_OFF,))
        for act in _ON_LOAD
    ),
)
