"""One request, from bytes to bytes: parse, learn what is current, take what is held once, decode, score, render.

Carries *atomicity*: schema, estimator and `model_version` are of one `Held`, read once.
"""

from dataclasses import dataclass

from changeover import strict_json
from changeover.decode import decode
from changeover.exceptions import ChangeoverError
from changeover.manifest import Json
from predict_api.answer import render
from predict_api.bounds import refuse_what_is_too_large
from predict_api.exceptions import NoModel
from predict_api.held import Held, Runtime
from predict_api.roster import Member


@dataclass(frozen=True)
class Basis:
    """By what a request is answered, and whether that was confirmed as current after the request arrived."""

    held: Held
    stale: bool


@dataclass(frozen=True)
class Question:
    """A request that is JSON; whether it fits is for the held schema to say."""

    value: Json
    include_inputs: bool


def read(body: bytes, *, include_inputs: bool) -> Question:
    """The question in `body`; raises NotJson."""
    return Question(strict_json.parse(body), include_inputs)


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


def answer(question: Question, held: Held, max_rows: int) -> Answer:
    """What is answered; raises RequestFaults, TooManyRows or ScoringFailed."""
    prepared = held.prepared
    decoded = decode(question.value, prepared.schema, max_rows)
    refuse_what_is_too_large(decoded)
    computed = prepared.scorer.score(decoded.columns, decoded.rows)
    scores = computed.scores
    if len(scores.labels) != decoded.rows:
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {decoded.rows}")
    inputs = decoded.columns if question.include_inputs else None
    body = render(scores, prepared.version, single=decoded.single, inputs=inputs)
    return Answer(body, computed.runtime)
