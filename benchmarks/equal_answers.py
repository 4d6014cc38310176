"""Random rows through `/predict` and through the estimator: all labels are equal, and probabilities nearly so.

The models are segmentation, wine and a forest of 200 trees on the embedded stack. Requests have one row or a batch, in
every form. The exit code is 1 if a label differs, or if a probability differs by more than golden rows may. `make bench BENCH=equal_answers ARGS="--rows 10000 --seed 3"`.
"""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

import joblib
import requests
from processes import stack  # first: it makes the project's folder known

from benchmarks.comparing import Comparison, compare, over_http
from benchmarks.drawing import draw, known
from benchmarks.peers.models import MODELS, TRAINERS


def main() -> int:
    """Compare all rows; the exit code is 1 if a response differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="of all models together")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    all_of_them: list[Comparison] = []
    with (
        tempfile.TemporaryDirectory() as temporary,
        stack(Path(temporary), MODELS[0], LOG_LEVEL="warning") as client,
        requests.Session() as session,
    ):
        for index, name in enumerate(MODELS):
            trained = TRAINERS[name]()
            file = Path(temporary) / f"{name}.joblib"
            joblib.dump(trained.estimator, file)
            client.publish(file, name, draft=trained.said, roll=True)
            model, began = known(name, trained), time.monotonic()
            ask = over_http(
                session,
                f"{client.stack.predict_urls[0]}/models/{name}/predict",
                model.estimator.classes_.tolist(),
            )
            comparison = compare(model, draw(model, (options.rows + index) // len(MODELS), options.seed), ask)
            all_of_them.append(comparison)
            print(f"{comparison.line(name)}   {time.monotonic() - began:.0f} s", flush=True)
            print("".join(f"  {count:>6} {what}\n" for what, count in comparison.kinds.items()), end="")
            print("".join(f"  ! {line}\n" for line in comparison.shown), end="", flush=True)
    rows, unequal = sum(one.rows for one in all_of_them), sum(one.unequal for one in all_of_them)
    largest = max(one.largest for one in all_of_them)
    print(f"{rows} rows: {unequal} unequal labels, the largest difference of a probability is {largest:.3g}")
    return 0 if all(one.good for one in all_of_them) else 1


if __name__ == "__main__":
    sys.exit(main())
