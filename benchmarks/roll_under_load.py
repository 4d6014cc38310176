"""Latency while a large model is rolled, against the steady latency of the same run.

A forest of the size that `--megabytes` sets serves a paced load. Several times, another forest of the same size is
published and rolled. The result is p99 of the requests during rolls, from the call to `committed`, against p99 of the
others. The table also shows the time of publishing, which examines the artifact in a separate process. `busy core` is the
control: before each roll, an unrelated process with the former priority of a preparation computes for some seconds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from asking import Load, quantile_ms
from processes import stack
from sklearn.ensemble import ExtraTreesClassifier

from changeover.protocol.wire import RolloutState

MODEL = "large"
COLUMNS = ["a", "b", "c", "d"]
BODY = json.dumps(dict.fromkeys(COLUMNS, 0.5)).encode()
Window = tuple[float, float]


def forest(file: Path, seed: int, megabytes: float) -> Path:
    """A forest of about that size, fitted on random labels; the number of trees follows from the size."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(20_000, len(COLUMNS))), columns=COLUMNS)
    labels = generator.integers(0, 2, len(frame))

    def grow(trees: int) -> float:
        joblib.dump(ExtraTreesClassifier(trees, max_features=1, random_state=seed).fit(frame, labels), file)
        return file.stat().st_size / 1e6

    grow(max(1, round(megabytes / grow(1))))
    return file


def timed(act: Callable[[], object]) -> Window:
    """Call `act`; the times of its start and its end."""
    start = time.monotonic()
    act()
    return start, time.monotonic()


def noting(fenced: list[float]) -> Callable[[str], None]:
    """A callback that appends to `fenced` the times at which a rollout is past its preparation."""
    return lambda state: None if state == RolloutState.PREPARING else fenced.append(time.monotonic())


def busy_core(load: Load, seconds: float) -> Window:
    """Let the load run for `seconds` beside a process that computes with a `nice` of 5."""
    with subprocess.Popen([sys.executable, "-c", "import os; os.nice(5)\nwhile True: pass"]) as process:
        window = load.rest(seconds)
        process.kill()
    return window


def main() -> None:
    """Roll repeatedly under load, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rolls", type=int, default=6)
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds a client rests between two requests")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    windows: dict[str, list[Window]] = {
        "steady": [],
        "publishing": [],
        "busy core": [],
        "rolling": [],
        "- preparing": [],
        "- fencing": [],
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = [forest(folder / f"{seed}.joblib", seed, options.megabytes) for seed in range(options.rolls + 1)]
        print(f"models of {files[0].stat().st_size / 1e6:.0f} MB, {options.clients} clients, {options.workers} workers")
        with stack(folder, MODEL, workers=options.workers) as client:
            client.roll(client.publish(files[0], MODEL).version, model=MODEL)
            with Load(f"{client.stack.predict_urls[0]}/predict", BODY, options.clients, options.pause) as load:
                load.rest(2.0)
                for file in files[1:]:
                    windows["steady"].append(load.rest(5.0))
                    windows["publishing"].append(timed(lambda file=file: client.publish(file, MODEL)))
                    windows["steady"].append(load.rest(3.0))
                    windows["busy core"].append(busy_core(load, 3.0))
                    load.rest(0.5)
                    fenced: list[float] = []
                    rolling = timed(lambda fenced=fenced: client.roll(model=MODEL, progress=noting(fenced)))
                    windows["rolling"].append(rolling)
                    border = fenced[0] if fenced else rolling[1]
                    windows["- preparing"].append((rolling[0], border))
                    windows["- fencing"].append((border, rolling[1]))
                    load.rest(1.0)
                answers = {name: [one for at in known for one in load.during(*at)] for name, known in windows.items()}
    print(f"{'':<12}{'seconds':>8}{'requests':>10}{'failed':>8}{'p50 ms':>9}{'p99 ms':>9}{'slowest':>9}")
    for name, kept in answers.items():
        seconds, failed = sum(end - start for start, end in windows[name]), sum(bool(one.error) for one in kept)
        numbers = "".join(f"{quantile_ms(kept, share):9.1f}" for share in (0.5, 0.99, 1.0))
        print(f"{name:<12}{seconds:8.1f}{len(kept):10}{failed:8}{numbers}")
    steady = quantile_ms(answers["steady"], 0.99)
    print(
        f"p99 while rolling x {quantile_ms(answers['rolling'], 0.99) / steady:.2f} of the steady p99, "
        f"while publishing x {quantile_ms(answers['publishing'], 0.99) / steady:.2f}, "
        f"beside a busy core x {quantile_ms(answers['busy core'], 0.99) / steady:.2f}"
    )


if __name__ == "__main__":
    main()
