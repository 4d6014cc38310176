"""The load: as many requests as are answered over so many connections, by wrk, or by a loop of our own where it is missing."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Load:
    """What came of one turn: answers (200) a second, latencies in ms, and how many requests went wrong."""

    rate: float
    p50_ms: float
    p99_ms: float
    wrong: int


@cache
def generator() -> str:
    """`wrk`, or `closed_loop` with a word to the user."""
    if shutil.which("wrk"):
        return "wrk"
    print(
        "wrk is not on the PATH (Debian: apt-get install wrk): a slower loop in Python takes its place,",
        file=sys.stderr,
    )
    print("so the fastest servers look slower than they are.", file=sys.stderr)
    return "closed_loop"


def ask(url: str, body: Path, connections: int, seconds: float) -> Load:
    """Ask `url` with the bytes of the file `body` for `seconds`, over `connections`, one request at a time on each."""
    if generator() == "wrk":
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
        command += ["-s", str(HERE / "post.lua"), url, "--", str(body)]
    else:
        command = [sys.executable, str(HERE / "closed_loop.py"), url, str(body), str(connections), str(seconds)]
    done = subprocess.run(command, capture_output=True, timeout=seconds + 60, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    wrong = told["refused"] + told["failed"]
    return Load((told["requests"] - told["refused"]) / told["seconds"], told["p50_ms"], told["p99_ms"], wrong)
