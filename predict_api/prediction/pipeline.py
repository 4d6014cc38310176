"""The pipeline of one request, from bytes to bytes: confirm and read the active version, read the rows, score, render.

The schema, the estimator and `model_version` of a response come from one `ActiveVersion`, which is read once.
"""

from changeover.estimator.scores import Runtime
from changeover.exceptions import ChangeoverError
from predict_api.models.models import Model
from predict_api.prediction.large_requests import LargeRequestLimit
from predict_api.prediction.render import render
from predict_api.prediction.request_context import RequestContext
from predict_api.scoring.interfaces import Prepared, Turn


def predict(
    model: Model,
    context: RequestContext,
    body: bytes,
    limit: LargeRequestLimit,
    max_rows: int,
    *,
    include_inputs: bool = False,
) -> tuple[bytes, Runtime]:
    """The body of the response to `body`, and the runtime that scored; `context` gets the version that answers.

    Raises NoModel and the errors of `answer`.
    """
    with limit.of(len(body)) as turn:
        context.active, context.stale = model.active_version()
        return answer(body, context.active.prepared, turn, max_rows, include_inputs=include_inputs)


def answer(
    body: bytes, prepared: Prepared, turn: Turn, max_rows: int, *, include_inputs: bool = False
) -> tuple[bytes, Runtime]:
    """The same from a given version; raises NotJson, RequestFaults, TooManyRows or ScoringFailed."""
    rows = prepared.reader.read(body, max_rows)
    scores = prepared.scorer.score(rows, turn)
    if len(scores.labels) != rows.rows:
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {rows.rows}")
    inputs = rows.columns if include_inputs else None
    return render(scores, prepared.version, single=rows.single, inputs=inputs), scores.runtime
