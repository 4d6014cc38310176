"""Retraining with champion and challenger: train on all slots, score on the held-out rows, publish, roll by the gate.

The script runs unattended. Without a new slot it does nothing, and a lock keeps two runs apart. The exit code is 0 unless
the run fails (with `--strict` it is 3 if the gate refuses the version). After a refused or failed run the champion stays
current.

    python -m examples.wine.retrain --data .changeover/wine
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import pandas as pd
from sklearn.ensemble import AdaBoostClassifier
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from changeover import Client
from changeover.exceptions import ChangeoverError, ServiceRefused
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.process.clock import utc_now
from examples.wine.data import HELD_OUT, INPUTS, TARGET, digests, merge, read, slots_in
from examples.wine.runs import AnotherRun, Outcome, Run, alone, append, newest_settled

MODEL: Final = "wine"
METRIC: Final = "f1_macro"
REFUSED_CODE: Final = 3


class RunFailed(ChangeoverError):
    """Wines from which nothing can be learnt, or a rollout that was begun and not committed."""


def train(wines: pd.DataFrame) -> Pipeline:
    """Fit the pipeline; the same wines give the same bytes, and so the same version."""
    if wines[TARGET].nunique() < 2:
        raise RunFailed("all wines are of one class so far: there is nothing to tell apart")
    pipeline = make_pipeline(StandardScaler(), AdaBoostClassifier(random_state=0))
    try:
        return pipeline.fit(wines[list(INPUTS)], wines[TARGET])
    except ValueError as error:  # for example, weak learners that are no better than chance
        raise RunFailed(f"nothing can be learnt from these wines: {error}") from error


def score(pipeline: Pipeline, wines: pd.DataFrame) -> float:
    """F1, the mean over the classes."""
    return float(f1_score(wines[TARGET], pipeline.predict(wines[list(INPUTS)]), average="macro"))


def retrain(data: Path, home: Path | None = None, model: str = MODEL, *, again: bool = False) -> Run | None:
    """Do one run and log it; None if no slot is new. A run that fails is logged, and its error is raised.

    `home` is the folder of `up.json`; None uses the `CHANGEOVER_*` variables or `./.changeover`. `again` trains on
    the same slots again.
    """
    slots = slots_in(data)
    if not slots:
        return None
    run = Run(time=utc_now(), slots=digests(slots), outcome=Outcome.FAILED, reason="")
    try:
        client = Client(home=home)
        champion = _champion(client, model)
        settled = newest_settled(data)
        if champion and settled and settled.get("slots") == run.slots and not again:
            return None
        merged = merge(slots)
        run = replace(run, rows=len(merged.wines), repeated=merged.repeated)
        run = _challenge(client, model, champion, data, merged.wines, run)
    except (ChangeoverError, OSError) as error:
        append(data, replace(run, reason=str(error)))
        raise
    append(data, run)
    return run


def _challenge(client: Client, model: str, champion: str | None, data: Path, wines: pd.DataFrame, run: Run) -> Run:
    """Train, score, publish and roll; the run with its outcome."""
    held_out = read((data / HELD_OUT).read_bytes(), HELD_OUT)
    pipeline = train(wines)
    figure = score(pipeline, held_out)
    run = replace(run, f1_macro=figure)
    learnt = f"learnt from {len(wines)} wines in {len(run.slots)} slot{'s' if len(run.slots) > 1 else ''}"
    published = client.publish(
        pipeline,
        model,
        example=wines[list(INPUTS)],
        metrics={METRIC: figure},
        evaluation_data=held_out,
        description=f"scored on {len(held_out)} held out",  # what it learnt from is in the ledger
    )
    run = replace(run, version=published.version)
    if published.version == champion:
        return replace(run, outcome=Outcome.UNCHANGED, reason="these very bytes answer already")
    try:
        rollout = client.roll(published.version, model=model, reason=learnt)
    except ServiceRefused as error:
        if error.status == 422 and "gate" in error.problem:
            return replace(run, outcome=Outcome.REFUSED, reason=str(error.problem.get("detail")))
        raise
    if rollout.get("state") != "committed":
        raise RunFailed(f"the rollout is {rollout.get('state')}: {rollout.get('reason')}")
    return replace(run, outcome=Outcome.PROMOTED, reason=str(rollout.get("reason")))


def _champion(client: Client, model: str) -> str | None:
    """The version that answers now, or None."""
    try:
        current: JsonObject = client.current(model)
    except ServiceRefused as error:
        if error.status == 404:
            return None
        raise
    return str(current["version"])


def summary(run: Run) -> str:
    """A run in one line."""
    about = f"{METRIC} {run.f1_macro:.4f} of {run.rows} wines" if run.f1_macro is not None else "no figures"
    return f"{run.outcome} {short(run.version or '')}: {about} ({run.repeated} repeated ones dropped); {run.reason}"


def main(arguments: list[str] | None = None) -> int:
    """0: promoted, refused by the gate, nothing new, or another run is under way; 1: failed; 3: see `--strict`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path(".changeover/wine"), help="held_out.csv and slots/ (.changeover/wine)"
    )
    parser.add_argument("--home", type=Path, help="the folder of the stack's up.json (CHANGEOVER_*, or .changeover)")
    parser.add_argument("--model", default=MODEL, help=f"the model's name ({MODEL})")
    parser.add_argument("--again", action="store_true", help="train even if no slot is new")
    parser.add_argument("--strict", action="store_true", help="end with 3 if the version is refused")
    options = parser.parse_args(arguments)
    try:
        with alone(options.data):
            run = retrain(options.data, options.home, options.model, again=options.again)
    except AnotherRun as error:
        print(error)
        return 0
    except (ChangeoverError, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    if run is None:
        print(f"nothing new in {options.data}: nothing done")
        return 0
    print(summary(run))
    return REFUSED_CODE if options.strict and run.outcome is Outcome.REFUSED else 0


if __name__ == "__main__":
    sys.exit(main())
