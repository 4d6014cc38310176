"""The load of the comparison: requests over a number of connections, by wrk or by `closed_loop.py`."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}
HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Load:
    """The result of one turn: responses with 200 a second, latencies in ms, and the number of other requests."""

    rate: float
    p50_ms: float
    p99_ms: float
    wrong: int


@cache
def generator() -> str:
    """The load generator: `wrk`, or `closed_loop` with a warning."""
    if shutil.which("wrk"):
        return "wrk"
    print(
        "wrk is not on the PATH (Debian: apt-get install wrk): a slower loop in Python takes its place,",
        file=sys.stderr,
    )
    print("so the fastest servers look slower than they are.", file=sys.stderr)
    return "closed_loop"


def ask(url: str, body: Path, connections: int, seconds: float, headers: Mapping[str, str] = JSON) -> Load:
    """Send the file `body` to `url` for `seconds`, over `connections`, one request at a time on each."""
    more = [part for header in headers.items() for part in header]
    if generator() == "wrk":
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
        command += ["-s", str(HERE / "post.lua"), url, "--", str(body), *more]
    else:
        command = [sys.executable, str(HERE / "closed_loop.py"), url, str(body), str(connections), str(seconds), *more]
    done = subprocess.run(command, capture_output=True, timeout=seconds + 60, check=True)
    totals = json.loads(done.stdout.splitlines()[-1])
    wrong = totals["refused"] + totals["failed"]
    return Load((totals["requests"] - totals["refused"]) / totals["seconds"], totals["p50_ms"], totals["p99_ms"], wrong)
