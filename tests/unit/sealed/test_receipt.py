"""Receipts: their digests are the same for each form of a body, and any change is another one."""

import base64
import json
import math

import pytest

from changeover.estimator.scores import Runtime, Scores
from changeover.exceptions import SealBroken
from changeover.protocol.wire import Current
from changeover.request.reader import RequestReader
from changeover.schema.schema import Column, Schema
from changeover.sealed.envelope import Envelope
from changeover.sealed.keys import SigningKey
from changeover.sealed.receipt import answer_sha256, inputs_sha256
from changeover.sealed.trust import Trust
from predict_api.prediction.receipts import Receipts
from predict_api.prediction.request_context import RequestContext
from predict_api.replica.active import ActiveVersion
from tests.unit.replica.test_replica import prepared

KEY, OTHER = SigningKey.from_seed(b"1" * 32), SigningKey.from_seed(b"2" * 32)
SCHEMA = Schema((Column("a"), Column("b", nullable=True)))
NAMES = ["a", "b"]
SCORES = Scores([1, 0], [[0.25, 0.75], [0.1 + 0.2, 0.7]], [0, 1], Runtime.SKLEARN)


def read(body: object) -> str:
    rows = RequestReader(SCHEMA).read(json.dumps(body).encode(), 100)
    return inputs_sha256(NAMES, rows.columns)


def test_the_inputs_have_one_digest_in_every_form_of_a_body() -> None:
    forms: list[object] = [
        [{"a": 1.5, "b": 2}, {"a": 3, "b": None}],
        [{"b": 2.0, "a": 1.5}, {"b": None, "a": 3.0}],
        {"columns": ["b", "a"], "data": [[2, 1.5], [None, 3]]},
        {"a": {"0": 1.5, "1": 3}, "b": {"0": 2, "1": None}},
    ]
    assert len({read(form) for form in forms}) == 1


@pytest.mark.parametrize("other", [{"a": 1.5000000000000002, "b": 2}, {"a": 1.5, "b": 2.1}, {"a": 2, "b": 1.5}])
def test_a_changed_digit_of_the_inputs_is_another_digest(other: object) -> None:
    assert read([other]) != read([{"a": 1.5, "b": 2}])


def test_missing_is_missing_whatever_stands_for_it() -> None:
    assert inputs_sha256(["a"], {"a": [math.nan]}) == inputs_sha256(["a"], {"a": [None]})


def test_a_changed_digit_of_the_answer_is_another_digest() -> None:
    others = [
        Scores([1, 1], SCORES.probabilities, SCORES.classes),
        Scores(SCORES.labels, [[0.25, 0.75], [0.3, 0.7]], SCORES.classes),
        Scores(SCORES.labels, SCORES.probabilities, ["0", "1"]),
        Scores(SCORES.labels, None, None),
    ]
    digests = {answer_sha256(scores) for scores in (SCORES, *others)}
    assert len(digests) == 5
    assert answer_sha256(SCORES) == answer_sha256(Scores(SCORES.labels, SCORES.probabilities, SCORES.classes))


def test_a_receipt_says_what_answered_and_its_signature_holds_all_of_it() -> None:
    context = RequestContext("request-1", 0.0)
    context.active = ActiveVersion(Current(7, "a" * 64), prepared("a" * 64), 0.0)
    rows = RequestReader(context.active.prepared.reader.schema).read(b'[{"a": 1}, {"a": 2}]', 10)
    header = Receipts(KEY, "replica-1").header(context, rows, SCORES)
    envelope = Envelope.read(base64.b64decode(header))
    facts = Trust(lambda: [KEY.public]).receipt(envelope)
    assert (facts.model, facts.version, facts.sequence, facts.request) == ("loan", "a" * 64, 7, "request-1")
    assert (facts.replica, facts.runtime, facts.rows, facts.stale) == ("replica-1", "sklearn", 2, False)
    assert (facts.inputs, facts.answer) == (inputs_sha256(["a"], rows.columns), answer_sha256(SCORES))
    with pytest.raises(SealBroken, match="receipt"):
        Trust(lambda: [OTHER.public]).receipt(envelope)
    changed = envelope.body.replace(b'"sequence":7', b'"sequence":8')
    assert changed != envelope.body
    forged = Envelope(base64.b64encode(changed).decode(), envelope.payload_type, envelope.signatures)
    with pytest.raises(SealBroken):
        Trust(lambda: [KEY.public]).receipt(forged)
