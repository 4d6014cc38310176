"""The local checks of `changeover doctor`: `up.json`, processes, folders, disk."""

import os
import shutil
from pathlib import Path
from typing import Final

from changeover import stack
from changeover.cli.doctor.finding import Finding
from changeover.cli.output import size_of
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
