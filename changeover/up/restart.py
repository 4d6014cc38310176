"""`changeover restart`: ends one service of a running stack and waits until `up` has restarted it."""

import os
import signal
import threading
from pathlib import Path
from typing import Final

from changeover import stack
from changeover.exceptions import StackNotFound
from changeover.process import clock
from changeover.up import ready
from changeover.up.exceptions import CannotStart
from changeover.up.plan import MODEL_SERVER, PREDICT_API, STORE
from changeover.up.workers import first_process, is_alive

_KILL_AFTER: Final = 10.0  # as `docker compose restart` does
_POLL: Final = 0.05


def restart_service(home: Path, service: str, timeout: float) -> list[tuple[int, int]]:
    """Restart `service` (each instance, one after the other); returns the process ids before and after.

    Waits until the new process is ready. While no model has a current version, an instance of predict_api need only be
    alive. Raises StackNotFound if no stack runs in `home`, CannotStart if the new process is not ready within `timeout`
    seconds.
    """
    running = stack.read(home)
    if running.pids is None:
        raise StackNotFound(f"the stack of {home} was not started by `changeover up`; use `docker compose restart`")
    if not is_alive(running.pids.up):
        raise StackNotFound(f"no `changeover up` runs on {home} any more; start it again")
    instances = len(running.pids.predict_api) if service == PREDICT_API else 1
    return [_restart_one(home, running.pids.up, service, index, timeout) for index in range(instances)]


def _restart_one(home: Path, up: int, service: str, index: int, timeout: float) -> tuple[int, int]:
    before = _pid(stack.read(home), service, index)
    begin = clock.now()
    first = first_process(before, up)
    _signal(first, signal.SIGTERM)
    pause = threading.Event()
    killed = False
    while clock.now() < begin + timeout:
        running = _read_if_there(home)
        if running is not None and _pid(running, service, index) != before and _answers(running, service, index):
            return before, _pid(running, service, index)
        if not killed and clock.now() > begin + _KILL_AFTER and is_alive(first):
            _signal(first, signal.SIGKILL)
            killed = True
        pause.wait(_POLL)
    wrong = _what_is_wrong(home, service, index)
    raise CannotStart(
        f"{service} was ended (process {before}), but its successor "
        f"{f'is not ready ({wrong})' if wrong else 'does not answer'} after {timeout:g} s; see {home / 'log'}"
    )


def _pid(running: stack.Stack, service: str, index: int) -> int:
    pids = running.pids
    if pids is None:
        return 0
    if service == PREDICT_API:
        return pids.predict_api[index][0]
    return {STORE: pids.store, MODEL_SERVER: pids.model_server}[service]


def _answers(running: stack.Stack, service: str, index: int) -> bool:
    if service == STORE:
        return ready.answers(running.store_url)
    if service == PREDICT_API and not ready.has_current_version(running.server_url, running.token, running.tls_ca):
        return ready.is_ok(f"{running.predict_urls[index]}/livez", running.tls_ca)
    return ready.is_ok(_readyz(running, service, index), running.tls_ca)


def _readyz(running: stack.Stack, service: str, index: int) -> str:
    return f"{running.predict_urls[index] if service == PREDICT_API else running.server_url}/readyz"


def _what_is_wrong(home: Path, service: str, index: int) -> str:
    running = _read_if_there(home)
    if running is None or service == STORE:
        return ""
    return ready.explain(_readyz(running, service, index), running.tls_ca)


def _read_if_there(home: Path) -> stack.Stack | None:
    try:
        return stack.read(home)
    except StackNotFound:
        return None


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
