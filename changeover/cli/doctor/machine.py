"""The local checks of `changeover doctor`: `up.json`, processes, open ports, folders, disk."""

import os
import shutil
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from changeover import stack
from changeover.cli.doctor.finding import Finding
from changeover.cli.output import size_of
from changeover.up.open_ports import answers_strangers, listening
from changeover.up.workers import is_alive

_LITTLE: Final = 1_000_000_000


def check_up_file(home: Path) -> list[Finding]:
    """Check that only its owner may read `up.json`, which holds secrets."""
    path = stack.up_file(home)
    if stack.is_private(home):
        return [Finding("up.json", True, f"{path}, readable by its owner only")]
    return [Finding("up.json", False, f"{path} can be read by others and holds secrets", f"chmod 600 {path}")]


def check_processes(pids: stack.Pids) -> list[Finding]:
    """Check that every process in `up.json` runs."""
    named = {"up": [pids.up], "store": [pids.store], "model_server": [pids.model_server]}
    for index, instance in enumerate(pids.predict_api):
        named["predict_api" if len(pids.predict_api) == 1 else f"predict_api {index}"] = instance
    dead = [f"{name} ({pid})" for name, group in named.items() for pid in group if not is_alive(pid)]
    if not dead:
        count = sum(len(group) for group in named.values())
        return [Finding("processes", True, f"all {count} run")]
    if not is_alive(pids.up):
        step = "changeover up (it clears away what is left)"
        return [Finding("processes", False, f"`changeover up` ({pids.up}) was killed; up.json is what it left", step)]
    return [
        Finding("processes", False, f"not running: {', '.join(dead)}", "`changeover up` restarts them; see its log")
    ]


def check_ports(running: stack.Stack) -> list[Finding]:
    """Check that no port of the stack but those of `up.json` answers a program without key, token or certificate."""
    if running.pids is None:
        return []
    named = {urlsplit(url).port for url in (running.store_url, running.server_url, *running.predict_urls)}
    others = sorted(address for address in listening([running.pids.up]) if address[1] not in named)
    answering = [f"{host}:{port}" for host, port in others if answers_strangers(host, port)]
    if answering:
        step = "restart `changeover up`: a store of an earlier version leaves its inner ports open"
        return [Finding("ports", False, f"any program of this machine is answered at {', '.join(answering)}", step)]
    detail = (
        "predict_api answers any program of this machine unless KEYS_FILE is set; model_server needs a token, "
        f"and the store its keys; {len(others)} inner ports answer the store alone"
    )
    return [Finding("ports", True, detail)]


def check_disk(home: Path) -> list[Finding]:
    """Check the free disk space, and that the cache is writable."""
    free = shutil.disk_usage(home).free
    step = "make room: publishing needs it" if free < _LITTLE else ""
    findings = [Finding("disk", free >= _LITTLE, f"{size_of(free)} free in {home}", step)]
    for name in ("cache", "spool", "store", "log"):
        folder = home / name
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            findings.append(Finding(f"folder {name}", False, f"{folder} cannot be written", f"chown or chmod {folder}"))
    return findings
