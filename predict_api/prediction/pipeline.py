"""The pipeline of one request, from bytes to bytes: confirm and read the active version, read the rows, score, render.

The schema, the estimator and `model_version` of a response come from one `ActiveVersion`, which is read once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from changeover.estimator.scores import PLAIN, Options, Runtime, Scores
from changeover.exceptions import ChangeoverError, ScoringFailed
from changeover.manifest.manifest import Manifest
from changeover.names import SHORTEST_PREFIX, short
from changeover.process.clock import now
from model_runner.pool.exceptions import RunnerEnded
from predict_api.dialects.dialect import Ask, Attribution, Call, Dialect, PlainJson, Reply
from predict_api.exceptions import NotCurrent, UnknownOption
from predict_api.models.models import Model
from predict_api.prediction.forms import JSON, BodyLimits, Forms
from predict_api.prediction.render import refuse_not_finite, render
from predict_api.prediction.request_context import RequestContext
from predict_api.prediction.turn import refuse_if_gone, turn_here
from predict_api.replica.active import ActiveVersion
from predict_api.scoring.interfaces import Prepared, RequestRows

_WITHOUT: Final = {
    "decision": "it has no decision_function and no score_samples",
    "std": "its predict takes no return_std",
}
Witness = Callable[[RequestRows, Scores], None]
INCLUDES: Final = (*_WITHOUT,)  # what a model may have beside its answers


def predict(
    model: Model,
    context: RequestContext,
    body: bytes,
    limits: BodyLimits,
    options: Options = PLAIN,
    *,
    include_inputs: bool = False,
    forms: Forms = JSON,
    witness: Witness | None = None,
) -> tuple[bytes, Runtime]:
    """The body of the response to `body`, and the runtime that scored; `context` gets the version that answers.

    Raises NoModel, CallerGone and the errors of `answer`.
    """
    refuse_if_gone()
    context.active, context.stale = model.active_version()
    return answer(
        body, context.active.prepared, limits, options, include_inputs=include_inputs, forms=forms, witness=witness
    )


def answer(
    body: bytes,
    prepared: Prepared,
    limits: BodyLimits,
    options: Options = PLAIN,
    *,
    include_inputs: bool = False,
    forms: Forms = JSON,
    witness: Witness | None = None,
) -> tuple[bytes, Runtime]:
    """The same from a given version; `include_inputs` is for answers in JSON. `witness` gets the rows and their scores.

    Raises UnknownOption, NotJson, NotCsv, NotArrow, UnpacksTooFar, RequestFaults, TooManyRows, RowsNotAnswered or
    ScoringFailed.
    """
    if options.include:
        _check_includes(prepared.manifest, options.include)
    reader = prepared.reader
    if forms.read is None:
        rows = reader.read(body, limits.rows)
    else:
        rows = reader.read_columns(forms.read(body, reader.schema, limits), limits.rows)
    scores = _scores(prepared, rows, options)
    if witness is not None:
        witness(rows, scores)
    if forms.render is not None:
        refuse_not_finite(scores)
        return forms.render(scores, prepared.manifest), scores.runtime
    inputs = rows.columns if include_inputs else None
    outputs = prepared.manifest.outputs
    return render(scores, prepared.version, single=rows.single, inputs=inputs, outputs=outputs), scores.runtime


def predict_in(
    dialect: Dialect[Any], model: Model, context: RequestContext, call: Call, max_rows: int
) -> tuple[Reply, Runtime]:
    """The same in the words of a dialect. Raises NotCurrent for another version in the path, and what its `read` raises."""
    refuse_if_gone()
    context.active, context.stale = model.active_version()
    active = context.active
    prepared = active.prepared
    refuse_other_version(call.path, active, model)
    ask, rows = _rows(dialect.read(call, prepared.reader.schema, max_rows), prepared, max_rows)
    scores = _scores(prepared, rows, ask.options)
    refuse_not_finite(scores)
    attribution = Attribution(prepared.manifest, active.current.sequence, context.request_id)
    return dialect.write(scores, ask, attribution), scores.runtime


def _rows(ask: Ask[Any], prepared: Prepared, max_rows: int) -> tuple[Ask[Any], RequestRows]:
    """The typed rows of what a call asks for; the rest of it, too, since plain JSON may turn out to be something else."""
    cells, reader = ask.cells, prepared.reader
    if isinstance(cells, PlainJson):
        plain = reader.read_plain(cells.body, max_rows, cells.names)
        return (ask, plain) if plain is not None else _rows(cells.otherwise(), prepared, max_rows)
    if isinstance(cells, list):
        return ask, reader.read_rows(cells, max_rows)
    return ask, reader.read_columns(cells, max_rows)


def _scores(prepared: Prepared, rows: RequestRows, options: Options) -> Scores:
    refuse_if_gone()
    sample = prepared.tap.sample
    began = now() if sample is not None else 0.0
    try:
        scores = prepared.scorer.score(rows, turn_here(), options)
    except (ScoringFailed, RunnerEnded):
        if sample is not None:
            sample.failed()
        raise
    if len(scores.labels) != rows.rows:
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {rows.rows}")
    if prepared.counted is not None:
        prepared.counted.add(rows, scores)
    if sample is not None:
        sample.add(rows, scores, now() - began)
    return scores


def refuse_other_version(path: Mapping[str, str | None], active: ActiveVersion, model: Model) -> None:
    """Raise NotCurrent if the path of a call names another version than the active one, or several by one prefix."""
    version, sequence = path.get("version"), path.get("sequence")
    current = active.current
    if version is not None:
        if len(version) < SHORTEST_PREFIX or not current.version.startswith(version):
            raise NotCurrent(f"{active.model} is at {short(current.version)}, not at {version[:64]}")
        if len(version) < len(current.version):
            others = {other for other in model.replica.state()[1] if other.startswith(version)} - {current.version}
            if others:
                raise NotCurrent(f"{version} could be several versions of {active.model}: give more digits")
    if sequence is not None and sequence != str(current.sequence):
        raise NotCurrent(f"{active.model} is at version {current.sequence}, not at {sequence[:64]}")


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
