"""`make wine`: a stack with a gate, three slots that arrive, one of them with wrong labels, and the ledger.

The demo ends without input. It deletes its folder, unless `--home` names one to keep; a second run there finds no new
slot and promotes nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from changeover import Client  # noqa: E402 sys.path needs the project's folder first
from changeover.demo.stack_process import StackProcess, first_answer  # noqa: E402
from changeover.exceptions import ChangeoverError  # noqa: E402
from changeover.names import short  # noqa: E402
from changeover.process.parent_death import end_with_parent, outlives_parent  # noqa: E402
from changeover.up.supervisor import Options  # noqa: E402
from examples.wine.cut import cut, deliver, keep_held_out  # noqa: E402
from examples.wine.data import INPUTS, SLOTS  # noqa: E402
from examples.wine.retrain import MODEL  # noqa: E402

GATE = "f1_macro>=current"
WRONG = 3


class Ended(ChangeoverError):
    """A part of the demo that failed."""


def say(text: str) -> None:
    print(text, flush=True)


def let_arrive(number: int, data: Path, home: Path) -> None:
    """Let one slot arrive, and start the command that cron would run."""
    if (data / SLOTS / f"slot-{number:02}.csv").exists():
        say(f"\nslot {number} is here already")
    else:
        deliver(data, number, wrong_labels=number == WRONG)
        say(f"\nslot {number} arrives" + (", with wrong labels" if number == WRONG else ""))
    command = [sys.executable, "-m", "examples.wine.retrain", "--data", str(data.resolve()), "--home"]
    if subprocess.run([*command, str(home.resolve())], cwd=ROOT, check=False).returncode != 0:  # noqa: S603 our own
        raise Ended(f"the run for slot {number} failed, see above")


def show_ledger(client: Client) -> None:
    say("\nthe ledger, newest first:")
    for entry in client.history(MODEL):
        if entry.get("state") == "committed":
            say(f"  {entry['sequence']}  {short(str(entry['version']))}  {entry['rolled_at']}  {entry['reason']}")


def show_answer(client: Client, folder: Path) -> None:
    """Send a held-out wine, and compare the version of the answer with the SHA-256 of its artifact."""
    wine = cut().held_out.iloc[0]
    answer = first_answer(client, {name: float(wine[name]) for name in INPUTS})
    say(f"\nPOST /predict  <- a wine that was held out (it is a {wine['class']})\n  {json.dumps(answer)}")
    version = str(answer["model_version"]) if isinstance(answer, dict) else ""
    current = str(client.current(MODEL)["version"])
    if version != current or client.fetch(version, folder / "served.joblib", MODEL) != version:
        raise Ended(f"/predict answered by {version}, but {current} is current")
    say(f"/predict answers by {version}, the SHA-256 of the artifact that model_server hands out")


def show(home: Path) -> int:
    """Run the demo; the exit code of the stack, or 1."""
    data = home / "wine"
    keep_held_out(data)
    options = Options(home, predict_port=0, server_port=0, workers=1)
    stack = StackProcess(options, {**os.environ, "DEFAULT_MODEL": MODEL, "GATE": GATE})
    try:
        if (client := stack.wait_until_up()) is not None:
            say(f"GATE={GATE}")
            for number in (1, 2, 3):
                let_arrive(number, data, home)
            show_ledger(client)
            show_answer(client, data)
    except (ChangeoverError, OSError) as error:
        if not stack.ending:
            print(f"error: {error}", file=sys.stderr, flush=True)
            stack.end()
            return 1
    return stack.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a folder to keep everything in")
    options = parser.parse_args()
    if not outlives_parent():
        end_with_parent()
    if options.home is not None:
        return show(options.home)
    with tempfile.TemporaryDirectory(prefix="changeover-wine-") as folder:
        return show(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
