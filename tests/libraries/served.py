"""The answers of a model to rows of JSON, as a runner gives them, for the checks of other libraries.

The files `check_*.py` run by the interpreter of an environment, which has those libraries and no pytest.
"""

import io
import json
import pickle
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from changeover.artifact.load import load
from changeover.artifact.load_rules import LoadRules
from changeover.environments.environment import read_environments
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scores import Scores
from changeover.estimator.scoring import score
from changeover.estimator.training_frame import rows_of
from changeover.onnx_twin.equivalence.compare import Proof, prove
from changeover.onnx_twin.export.convert import convert
from changeover.request.decode import decode
from changeover.schema.schema import Schema


def rules_here() -> LoadRules:
    """The rules by which a runner of this environment loads; classes of these tests are trusted, too."""
    environment = read_environments(Path(sys.prefix).parent.parent)[Path(sys.prefix).parent.name]
    return LoadRules(roots=(*environment.roots, "tests"), allowed_globals_file=environment.allowed_globals)


def reloaded(model: Any) -> Any:
    """The model from a dump of it, read as a runner reads it."""
    stream = io.BytesIO()
    joblib.dump(model, stream)
    return load(stream.getvalue(), rules_here()).estimator


def answers(model: Any, rows: list[dict[str, Any]], schema: Schema | None = None) -> Scores:
    """The scores of rows as consumers send them, with the schema that is inferred without an example."""
    schema = schema or infer_schema(model)
    decoded = decode(json.loads(json.dumps(rows)), schema, len(rows))
    return score(model, schema, decoded.columns, decoded.rows)


def by_pickle(model: Any) -> Any:
    """The model from a pickle of it, as an environment that admits code reads it."""
    return pickle.loads(pickle.dumps(model))


def same_answers(
    model: Any,
    frame: pd.DataFrame,
    labels: Any,
    probabilities: Any = None,
    read: Callable[[Any], Any] = reloaded,
) -> Scores:
    """Check that the rows of `frame` get these labels and probabilities, in any order of the columns."""
    loaded = read(model)
    scores = answers(loaded, [dict(reversed(row.items())) for row in rows_of(frame)])
    expected = np.asarray(labels).tolist()
    assert scores.labels == expected, (scores.labels[:5], expected[:5])
    assert {*map(type, scores.labels)} == {*map(type, expected)}
    if probabilities is not None:
        assert scores.probabilities == np.asarray(probabilities).tolist(), scores.probabilities
        assert len(scores.classes or ()) == len(scores.probabilities[0])
    else:
        assert scores.probabilities is None
    json.dumps([scores.labels, scores.probabilities, scores.classes], allow_nan=False)
    one = answers(loaded, rows_of(frame.head(1))).labels[0]
    # a library may add up a row in another order when it is alone
    assert one == expected[0] or np.allclose(one, expected[0], rtol=1e-12, atol=0.0)
    return scores


def refusal(kind: type[Exception], call: Callable[..., object], *arguments: object) -> str:
    """The message of the exception of this kind that the call raises."""
    try:
        call(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError(f"no {kind.__name__} from {call} with {str(arguments)[:300]}")


def twin_of(model: Any, frame: pd.DataFrame, example: pd.DataFrame | None = None) -> Proof:
    """Check that the model has an ONNX twin which answers the rows of `frame` and many others equally."""
    schema = infer_schema(model, example)
    return prove(model, schema, convert(model, schema), rows_of(frame))


def run(module: dict[str, Any]) -> None:
    """Run every function `check_...` of a module; print `{name: error or null}`."""
    warnings.simplefilter("ignore")
    results: dict[str, str | None] = {}
    wanted = sys.argv[1:]
    for name, check in module.items():
        if name.startswith("check_") and (not wanted or name in wanted):
            try:
                check()
                results[name] = None
            except Exception:  # noqa: BLE001  a failed check is reported, and the next one runs
                results[name] = traceback.format_exc()
    sys.stdout.write(json.dumps(results))
