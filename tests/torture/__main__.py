"""Command line of the torture: `python -m tests.torture --seconds 60 --seed N` does one run and prints a table."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from changeover.consistency import records
from tests.torture.rig import run


def main() -> int:
    """0 if no request failed and no promise was broken; otherwise 1, and the logs of the stack are kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Torture a whole stack.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--store", choices=["seaweed", "minio"], default="seaweed")
    parser.add_argument("--history", type=Path, help="write the recorded history to this file, as JSON lines")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    sys.stdout.write(f"seed {options.seed}, logs in {folder}\n")
    sys.stdout.flush()
    report = run(options.seed, options.seconds, options.store, folder)
    sys.stdout.write(f"{report.table()}\n")
    kept = options.history or (None if report.good else folder / "history.jsonl")
    if kept is not None:
        with kept.open("w", encoding="utf-8") as file:
            file.writelines(records.write(report.history.records()))
        sys.stdout.write(f"history: {kept}; judge it again: changeover check-history {kept}\n")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
