"""The pipeline of one request, from bytes to bytes: confirm and read the active version, read the rows, score, render.

The schema, the estimator and `model_version` of a response come from one `ActiveVersion`, which is read once.
"""

from collections.abc import Sequence
from typing import Final

from changeover.estimator.scores import PLAIN, Options, Runtime
from changeover.exceptions import ChangeoverError
from changeover.manifest.manifest import Manifest
from predict_api.exceptions import UnknownOption
from predict_api.models.models import Model
from predict_api.prediction.render import render
from predict_api.prediction.request_context import RequestContext
from predict_api.prediction.turn import refuse_if_gone, turn_here
from predict_api.scoring.interfaces import Prepared

_WITHOUT: Final = {
    "decision": "it has no decision_function and no score_samples",
    "std": "its predict takes no return_std",
}
INCLUDES: Final = (*_WITHOUT,)  # what a model may have beside its answers


def predict(
    model: Model,
    context: RequestContext,
    body: bytes,
    max_rows: int,
    options: Options = PLAIN,
    *,
    include_inputs: bool = False,
) -> tuple[bytes, Runtime]:
    """The body of the response to `body`, and the runtime that scored; `context` gets the version that answers.

    Raises NoModel, CallerGone and the errors of `answer`.
    """
    refuse_if_gone()
    context.active, context.stale = model.active_version()
    return answer(body, context.active.prepared, max_rows, options, include_inputs=include_inputs)


def answer(
    body: bytes,
    prepared: Prepared,
    max_rows: int,
    options: Options = PLAIN,
    *,
    include_inputs: bool = False,
) -> tuple[bytes, Runtime]:
    """The same from a given version.

    Raises UnknownOption, NotJson, RequestFaults, TooManyRows, RowsNotAnswered or ScoringFailed.
    """
    if options.include:
        _check_includes(prepared.manifest, options.include)
    rows = prepared.reader.read(body, max_rows)
    refuse_if_gone()
    scores = prepared.scorer.score(rows, turn_here(), options)
    if len(scores.labels) != rows.rows:
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {rows.rows}")
    inputs = rows.columns if include_inputs else None
    outputs = prepared.manifest.outputs
    return render(scores, prepared.version, single=rows.single, inputs=inputs, outputs=outputs), scores.runtime


def _check_includes(manifest: Manifest, include: Sequence[str]) -> None:
    """Raise UnknownOption for what the model does not have."""
    listed = manifest.estimator.get("includes")
    has = [str(name) for name in listed] if isinstance(listed, list) else []
    for name in include:
        if name not in has:
            raise UnknownOption(
                f"include={name} is not there for this model: {_WITHOUT[name]}; "
                f"there is {', '.join(f'include={known}' for known in ('inputs', *has))}"
            )
