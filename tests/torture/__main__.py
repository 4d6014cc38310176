"""`python -m tests.torture --seconds 60 --seed N [--store minio] [--history FILE]`: one run, and a table of it."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from changeover.consistency import records
from tests.torture.rig import run


def main() -> int:
    """0 if no request failed and no promise was broken, else 1; the stack's logs are kept then."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Torture a whole stack.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--store", choices=["seaweed", "minio"], default="seaweed")
    parser.add_argument("--history", type=Path, help="write what was recorded to this file, as JSON lines")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    sys.stdout.write(f"seed {asked.seed}, logs in {folder}\n")
    sys.stdout.flush()
    report = run(asked.seed, asked.seconds, asked.store, folder)
    sys.stdout.write(f"{report.table()}\n")
    kept = asked.history or (None if report.good else folder / "history.jsonl")
    if kept is not None:
        with kept.open("w", encoding="utf-8") as file:
            file.writelines(records.write(report.history.records()))
        sys.stdout.write(f"history: {kept}; judge it again: changeover check-history {kept}\n")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
