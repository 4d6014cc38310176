"""One rollout by HTTP: its beginning, its states on the way, and its end."""

import threading
import time
from collections.abc import Callable
from typing import Final

from changeover.client.http import HttpCall
from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.process.clock import now
from changeover.protocol.wire import RolloutState

_POLL_SECONDS: Final = 0.15
_LONGEST_WAIT_S: Final = 600.0  # of one call
_UNDER_WAY: Final = (RolloutState.PREPARING, RolloutState.FENCING)


def rolled(
    server: HttpCall,
    token: str,
    path: str,
    body: JsonObject,
    model: str,
    wait: float,
    progress: Callable[[str], None] | None,
) -> JsonObject:
    """Begin or abort a rollout of `model` by a POST of `body` to `path`, and wait `wait` seconds for its end; returns it.

    Calls `progress` with each state on the way.
    """
    over = threading.Event()
    watcher: threading.Thread | None = None
    if progress is not None:
        calls = HttpCall(server.base, "model_server", token, authorities=server.authorities)
        watcher = threading.Thread(target=_watch, args=(calls, model, progress, over), daemon=True)
        watcher.start()
    try:
        first = min(wait, _LONGEST_WAIT_S)
        response = server.send("POST", path, query={"wait": f"{first:g}"}, json=body, timeout=first + 30)
        rollout = _until_over(server, model, server.object_in(response), wait - first)
    finally:
        over.set()
        if watcher is not None:
            watcher.join()
    if progress is not None:
        progress(str(rollout.get("state")))
    return rollout


def _until_over(server: HttpCall, model: str, rollout: JsonObject, seconds: float) -> JsonObject:
    """The rollout when it is over, or its state after `seconds`."""
    end = now() + seconds
    while rollout.get("state") in _UNDER_WAY and now() < end:
        time.sleep(min(1.0, max(0.0, end - now())))
        rollout = server.get(f"/models/{model}/rollouts/{rollout.get('id')}")
    return rollout


def _watch(calls: HttpCall, model: str, progress: Callable[[str], None], over: threading.Event) -> None:
    """Report the states of the running rollout until `over`; errors here are ignored."""
    reported = None
    while not over.wait(_POLL_SECONDS):
        try:
            rollout = calls.get(f"/models/{model}").get("rollout")
        except ChangeoverError:
            continue
        state = rollout.get("state") if isinstance(rollout, dict) else None
        if state in _UNDER_WAY and state != reported:
            reported = state
            progress(str(state))
