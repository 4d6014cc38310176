"""What `make run` runs: the stack in the foreground, the example model published and rolled, and both bodies answered.

Data are kept in the home folder: a second run starts from them and neither trains nor publishes again.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from changeover import Client  # noqa: E402 the project's folder must be known first
from changeover.exceptions import ChangeoverError, ServiceRefused  # noqa: E402
from changeover.json_types import JsonObject  # noqa: E402
from changeover.manifest.manifest import Draft  # noqa: E402
from changeover.names import short  # noqa: E402
from changeover.process.parent_death import end_with_parent, outlives_parent  # noqa: E402
from examples.running import Stack, first_answer  # noqa: E402
from examples.segmentation.bodies import DATA, body  # noqa: E402

MODEL = "segmentation"


def start_training(folder: Path) -> subprocess.Popen[bytes] | None:
    """Begin to train the example beside the start of the stack, unless its file is there."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "model.joblib").exists() and (folder / "manifest.json").exists():
        return None
    command = [sys.executable, "-m", "examples.segmentation.train"]
    outputs = [
        "--out",
        str((folder / "model.joblib").resolve()),
        "--manifest",
        str((folder / "manifest.json").resolve()),
    ]
    return subprocess.Popen([*command, *outputs], cwd=ROOT)  # noqa: S603 our own program


def is_served(client: Client, model: str) -> bool:
    """Whether the model has a current version already."""
    try:
        client.current(model)
    except ServiceRefused as error:
        if error.status == 404:
            return False
        raise
    return True


def publish(client: Client, model: str, folder: Path) -> None:
    """Publish the trained file with what its trainer says of it, and make it current."""
    draft = Draft.from_json(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    published = client.publish(folder / "model.joblib", model, draft=draft)
    print(f"published {published.version}", flush=True)
    client.roll(published.version, model=model, reason="the example")
    print(f"rolled: {model} answers by {short(published.version)}", flush=True)


def ask(client: Client) -> None:
    """Send both bodies and print the answers."""
    for name in ("single", "batch"):
        answer = first_answer(client, json.loads(body(name)))
        print(f"\nPOST /predict  <- segmentation_{name}.json\n{_shown(answer)}", flush=True)


def _shown(answer: object) -> str:
    if isinstance(answer, dict) and isinstance(rows := answer.get("predictions"), list):
        rest: JsonObject = {name: value for name, value in answer.items() if name != "predictions"}
        return "\n".join([*(f"  {json.dumps(row)}" for row in rows), f"  {json.dumps(rest)}"])
    return f"  {json.dumps(answer)}"


def what_next(client: Client, home: Path) -> None:
    """The commands to try next, as they must be typed here."""
    where = "" if home == Path(".changeover") else f" --home {home}"
    data = os.path.relpath(DATA / "segmentation_single.json")
    tool = os.path.relpath(Path(sys.executable).parent)
    print(
        f"""
Try, in another terminal:
  curl -H 'Content-Type: application/json' -d @{data} {client.stack.predict_urls[0]}/predict
  {tool}/python -m examples.segmentation.train --out second.joblib --seed 2
  {tool}/changeover push second.joblib --roll{where}
  {tool}/changeover rollback{where}
  {tool}/changeover history{where}
  {tool}/changeover doctor{where}
Ctrl-C ends it; the models stay in {home}.""",
        flush=True,
    )


def main() -> int:
    """Run until Ctrl-C; 0 then, or what kept the stack from starting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".changeover"))
    for option in ("--predict-port", "--server-port", "--store-port", "--workers", "--replicas"):
        parser.add_argument(option)
    given = parser.parse_args()
    options = []
    for name in ("predict_port", "server_port", "store_port", "workers", "replicas"):
        if getattr(given, name) is not None:
            options += [f"--{name.replace('_', '-')}", getattr(given, name)]
    if not outlives_parent():
        end_with_parent()
    folder = given.home / "example"
    training = None if (given.home / "store").exists() else start_training(folder)
    stack = Stack(given.home, options, {"DEFAULT_MODEL": MODEL, **os.environ})
    try:
        if (client := stack.wait_until_up()) is not None:
            model = client.default_model()
            if not is_served(client, model):
                training = training or start_training(folder)
                if training is not None and training.wait() != 0:
                    raise ChangeoverError("the example could not be trained, see above")
                publish(client, model, folder)
            ask(client)
            what_next(client, given.home)
    except (ChangeoverError, OSError) as error:
        if not stack.ending:
            print(f"error: {error}", file=sys.stderr, flush=True)
            stack.process.terminate()
            stack.process.wait()
            return 1
    finally:
        if training is not None and training.poll() is None:
            training.kill()
            training.wait()
    return stack.process.wait()


if __name__ == "__main__":
    sys.exit(main())
