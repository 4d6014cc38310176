"""The demo: a stack in the foreground, the example model published and rolled, and both bodies answered.

Data are kept in the home folder: a second run starts from them and neither trains nor publishes again.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, Protocol

from changeover import stack as stacks
from changeover.client.client import Client
from changeover.demo.bodies import DATA, body
from changeover.demo.stack_process import StackProcess, first_answer
from changeover.exceptions import ChangeoverError, ServiceRefused
from changeover.json_types import Json
from changeover.manifest.manifest import Draft
from changeover.names import short
from changeover.process.parent_death import end_with_parent, outlives_parent
from changeover.up.child import inherited_environment
from changeover.up.required import check_required
from changeover.up.supervisor import Options

MODEL: Final = "segmentation"


class Say(Protocol):
    """The output of a demo."""

    def __call__(self, text: str, answer: Json = None) -> None:
        """Print a text, and below it an answer of /predict."""


class Training:
    """The training of the example in a process of its own, beside the start of the stack."""

    def __init__(self, folder: Path) -> None:
        self.model = folder / "model.joblib"
        self.manifest = folder / "manifest.json"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin, unless it has begun or its files are there."""
        if self._process is not None or (self.model.exists() and self.manifest.exists()):
            return
        self.model.parent.mkdir(parents=True, exist_ok=True)
        outputs = ["--out", str(self.model), "--manifest", str(self.manifest)]
        command = [sys.executable, "-m", "changeover.demo.train", *outputs]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 our own program

    def finish(self, say: Say) -> None:
        """Wait for its end, if it has begun; raises ChangeoverError if it failed."""
        if self._process is None:
            return
        printed, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise ChangeoverError("the example could not be trained, see above")
        say(printed.strip())

    def end(self) -> None:
        """Kill it, should it still run."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def is_served(client: Client, model: str) -> bool:
    """Whether the model has a current version already."""
    try:
        client.current(model)
    except ServiceRefused as error:
        if error.status == 404:
            return False
        raise
    return True


def publish(client: Client, model: str, training: Training, say: Say) -> None:
    """Publish the trained file with what its trainer says of it, and make it current."""
    draft = Draft.from_json(json.loads(training.manifest.read_text(encoding="utf-8")))
    published = client.publish(training.model, model, draft=draft)
    say(f"published {published.version}")
    client.roll(published.version, model=model, reason="the example")
    say(f"rolled: {model} answers by {short(published.version)}")


def ask(client: Client, say: Say) -> None:
    """Send both bodies and print the answers."""
    for name in ("single", "batch"):
        answer = first_answer(client, json.loads(body(name)))
        say(f"\nPOST /predict  <- segmentation_{name}.json", answer)


def what_next(client: Client, home: Path) -> str:
    """The commands to try next, as they must be typed here."""
    where = "" if home == Path(stacks.HOME) else f" --home {home}"
    data = os.path.relpath(DATA / "segmentation_single.json")
    tool = os.path.relpath(Path(sys.executable).parent)
    return f"""
Try, in another terminal:
  curl -H 'Content-Type: application/json' -d @{data} {client.stack.predict_urls[0]}/predict
  {tool}/python -m changeover.demo.train --out second.joblib --seed 2
  {tool}/changeover push second.joblib --roll{where}
  {tool}/changeover rollback{where}
  {tool}/changeover history{where}
  {tool}/changeover doctor{where}
Ctrl-C ends it; the models stay in {home}."""


def run(options: Options, say: Say, *, as_json: bool) -> int:
    """Run until Ctrl-C; the exit code of the stack. Raises ChangeoverError or OSError for what failed."""
    check_required()
    if not outlives_parent():
        end_with_parent()
    training = Training(options.home.resolve() / "example")
    if not (options.home / "store").exists():
        training.start()
    stack = StackProcess(options, {"DEFAULT_MODEL": MODEL, **inherited_environment()}, as_json=as_json)
    try:
        if (client := stack.wait_until_up()) is not None:
            model = client.default_model()
            if not is_served(client, model):
                training.start()
                training.finish(say)
                publish(client, model, training, say)
            ask(client, say)
            say(what_next(client, options.home))
    except (ChangeoverError, OSError):
        if not stack.ending:
            stack.end()
            raise
    finally:
        training.end()
    return stack.wait()
