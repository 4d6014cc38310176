"""Predictions of Vertex AI's custom containers, at the path that PREDICT_ROUTE names.

https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
"""

import re
from functools import partial

import msgspec

from changeover.estimator.scores import Scores
from changeover.request import strict_json
from changeover.schema.schema import Schema
from predict_api.dialects.dialect import Ask, Attribution, Call, Dialect, PlainJson, Reply
from predict_api.dialects.mlflow import chosen, wants_probabilities
from predict_api.dialects.rows import INSTANCES, plain_json
from predict_api.dialects.sentences import fault
from predict_api.dialects.tensorflow_serving import rows_of
from predict_api.exceptions import InvalidCall


def read(call: Call, schema: Schema, max_rows: int) -> Ask[bool]:  # noqa: ARG001 the readers count the rows
    """What a call asks for, and whether it wants probabilities; raises NotJson, InvalidCall or RequestFaults."""
    plain = plain_json(call.body, (INSTANCES,), schema)
    if plain is None:
        return _read_json(call, schema)
    return Ask(PlainJson(plain.body, partial(_read_json, call, schema), plain.names), wants=False)


def _read_json(call: Call, schema: Schema) -> Ask[bool]:
    body = strict_json.parse(call.body)
    instances = body.get(INSTANCES) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(instances, list):
        raise InvalidCall(f"send an object with {INSTANCES}, a list of rows, and parameters, if any")
    return Ask(rows_of(instances, schema), wants_probabilities(body.get("parameters"), "parameters"))


def write(scores: Scores, ask: Ask[bool], _attribution: Attribution) -> Reply:
    """The response; Vertex AI adds the model's own name and version. Raises InvalidCall."""
    return Reply(msgspec.json.encode({"predictions": chosen(scores, probabilities=ask.wants)}))


def at(predict_route: str) -> Dialect[bool]:
    """The dialect whose predictions are at this path."""
    return Dialect("vertex", (predict_route,), re.compile(re.escape(predict_route)), read, write, fault)
