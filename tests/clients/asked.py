"""The stack that the clients ask, and their outcomes."""

import io
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import joblib
import pandas as pd
from sklearn.datasets import load_wine

from tests.clients.page import Outcomes
from tests.integration.dialects.models import R1, R2, churn, wine
from tests.processes.up import RunningStack, launch

HERE = Path(__file__).parent
_SECONDS = 900  # most take a few; imports take minutes on a machine that does much else


def started(home: Path) -> RunningStack:
    """A stack with the models `churn`, which is the default, and `wine`."""
    stack = launch(home, {"DEFAULT_MODEL": "churn", "GZIP_BODIES": "true"}, workers=1)
    examples = {"churn": (churn, pd.DataFrame([R1, R2])), "wine": (wine, load_wine(as_frame=True).data)}
    for name, (artifact, example) in examples.items():
        model = joblib.load(io.BytesIO(artifact()[0]))
        version = stack.client().publish(model, name, example=example, roll=True).version
        stack.wait_until_held(name, version)
    return stack


def ask(stack: RunningStack, pythons: Mapping[str, Path]) -> Outcomes:
    """The outcomes of all calls of all clients, which run at the same time."""
    url = stack.described.predict_urls[0]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTHON"))}
    programs = {
        client: subprocess.Popen(
            [python, str(HERE / f"ask_{client}.py"), url],
            env={**variables, "NO_PROXY": "*"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for client, python in pythons.items()
    }
    outcomes = {}
    for client, program in programs.items():
        printed, errors = program.communicate(timeout=_SECONDS)
        assert program.returncode == 0, f"the program of {client} ended with {program.returncode}: {errors[-2000:]}"
        outcomes[client] = json.loads(printed.splitlines()[-1])
    return outcomes
