"""One request, from bytes to bytes: learn what is current, take what is held once, read, score, render.

Carries *atomicity*: schema, estimator and `model_version` are of one `Held`, read once.
"""

from dataclasses import dataclass

from changeover.exceptions import ChangeoverError
from predict_api.exceptions import NoModel
from predict_api.models.models import Member
from predict_api.prediction.exchange import Basis, Exchange
from predict_api.prediction.large_requests import Turns
from predict_api.prediction.render import render
from predict_api.replica.active import Held
from predict_api.scoring.interfaces import Runtime


def basis(member: Member) -> Basis:
    """What a request that has arrived is answered by; waits CHECK_DEADLINE_MS at most. Raises NoModel."""
    confirmed = member.freshness.confirm()
    held = member.replica.held
    if held is None:
        raise NoModel(f"no version of model {member.replica.model!r} is loaded yet; try again in a second")
    return Basis(held, stale=not confirmed)


@dataclass(frozen=True)
class Answer:
    """The body of an answer, and what computed it."""

    body: bytes
    runtime: Runtime


def predict(
    member: Member, exchange: Exchange, body: bytes, turns: Turns, max_rows: int, *, include_inputs: bool = False
) -> Answer:
    """The answer to a request whose body was read; `exchange` learns by which version. Raises NoModel and as `answer` does."""
    with turns.of(len(body)):
        known = exchange.basis = basis(member)
        return answer(body, known.held, max_rows, include_inputs=include_inputs)


def answer(body: bytes, held: Held, max_rows: int, *, include_inputs: bool = False) -> Answer:
    """What is answered to `body`; raises NotJson, RequestFaults, TooManyRows or ScoringFailed."""
    prepared = held.prepared
    asked = prepared.reader.read(body, max_rows)
    computed = prepared.scorer.score(asked)
    scores = computed.scores
    if len(scores.labels) != asked.rows:
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {asked.rows}")
    inputs = asked.columns if include_inputs else None
    return Answer(render(scores, prepared.version, single=asked.single, inputs=inputs), computed.runtime)
