"""One request, from bytes to bytes: learn what is current, take what is held once, read, score, render.

Carries *atomicity*: schema, estimator and `model_version` are of one `Held`, read once.
"""

from dataclasses import dataclass

from changeover import strict_json
from changeover.decode import decode
from changeover.exceptions import ChangeoverError, TooManyRows
from predict_api.answer import render
from predict_api.bounds import refuse_what_is_too_large
from predict_api.exceptions import NoModel
from predict_api.exchange import Basis
from predict_api.held import Asked, Held, Prepared, Runtime
from predict_api.roster import Member


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


def answer(body: bytes, held: Held, max_rows: int, *, include_inputs: bool = False) -> Answer:
    """What is answered to `body`; raises NotJson, RequestFaults, TooManyRows or ScoringFailed."""
    prepared = held.prepared
    asked = typed(body, prepared, max_rows)
    computed = prepared.scorer.score(asked)
    scores = computed.scores
    if len(scores.labels) != asked.rows:
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {asked.rows}")
    inputs = asked.columns if include_inputs else None
    return Answer(render(scores, prepared.version, single=asked.single, inputs=inputs), computed.runtime)


def typed(body: bytes, prepared: Prepared, max_rows: int) -> Asked:
    """The rows in `body`, by the short way if they are plain; raises NotJson, RequestFaults or TooManyRows."""
    plain = prepared.reader.read(body) if prepared.reader is not None else None
    if plain is not None:
        if plain.rows > max_rows:
            raise TooManyRows(plain.rows, max_rows)
        return plain
    decoded = decode(strict_json.parse(body), prepared.schema, max_rows)
    refuse_what_is_too_large(decoded)
    return decoded
