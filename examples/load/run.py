"""`make load`: a stack with the segmentation example, and Locust's ten users, first at a rate, then without pauses.

Locust has an environment of its own, from the hashed `requirements.txt` beside this file. `--url` names a running stack
instead.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from changeover.demo.run import MODEL, Training, ask, publish
from changeover.demo.stack_process import StackProcess
from changeover.exceptions import ChangeoverError
from changeover.process.parent_death import end_with_parent, outlives_parent
from changeover.up.supervisor import Options

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parents[1] / ".venv" / "load-tools"
REQUIREMENTS = HERE / "requirements.txt"


def say(text: str, answer: object = None) -> None:
    if answer is None:
        print(text, flush=True)


def locust() -> Path:
    """The Locust of the locked requirements, installed unless it is there."""
    stamp, wanted = TOOLS / "requirements.sha256", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        say("installing Locust into an environment of its own")
        venv.create(TOOLS, clear=True, with_pip=True)
        pip = [str(TOOLS / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        locked = ["--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS)]
        subprocess.run([*pip, "install", "--quiet", *locked], check=True)  # noqa: S603 our own program
        subprocess.run([*pip, "check"], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 our own program
        stamp.write_text(wanted, encoding="utf-8")
    return TOOLS / "bin" / "locust"


def load(url: str, options: argparse.Namespace) -> int:
    """Both rounds against `url`; the exit code of the first that failed, else 0."""
    command = [str(locust()), "--locustfile", str(HERE / "locustfile.py"), "--headless", "--host", url]
    command += ["--users", str(options.users), "--spawn-rate", str(options.users), "--only-summary"]
    command += ["--loglevel", "WARNING"]
    for per_minute, seconds in ((options.per_minute, options.seconds), (0, min(20, options.seconds))):
        rate = ["--per-minute", str(per_minute), "--run-time", f"{seconds}s"]
        code = subprocess.run([*command, *rate], check=False).returncode  # noqa: S603 our own program
        if code != 0:
            return code
    return 0


def with_a_stack(options: argparse.Namespace, folder: Path) -> int:
    """Start a stack in `folder`, publish the example, and send the load."""
    training = Training(folder / "example")
    training.start()
    ports = Options(folder, predict_port=0, server_port=0, workers=options.workers)
    stack = StackProcess(ports, {**os.environ, "DEFAULT_MODEL": MODEL})
    code = 1
    try:
        if (client := stack.wait_until_up()) is not None:
            training.finish(say)
            publish(client, MODEL, training, say)
            ask(client, say)
            code = load(client.stack.predict_urls[0], options)
    except (ChangeoverError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
    finally:
        training.end()
        stack.end()
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a running stack, like http://127.0.0.1:5000; without it one is started")
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--per-minute", type=int, default=1000, help="requests of all users")
    parser.add_argument("--seconds", type=int, default=60, help="of the round at that rate")
    parser.add_argument("--workers", type=int, default=2, help="of predict_api")
    options = parser.parse_args()
    if options.url:
        return load(options.url, options)
    if not outlives_parent():
        end_with_parent()
    with tempfile.TemporaryDirectory(prefix="changeover-load-") as folder:
        return with_a_stack(options, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
