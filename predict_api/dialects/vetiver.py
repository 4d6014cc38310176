"""The API of vetiver, for its clients in Python and R.

https://vetiver.posit.co/get-started/deploy.html

Its Python client sends frames without a Content-Type, and reads an error from plain text.
"""

import re
from typing import Final

import msgspec

from changeover.estimator.scores import Scores
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.request import strict_json
from changeover.schema.schema import Schema
from predict_api.dialects.dialect import Ask, Attribution, Call, Dialect, Problem, Reply
from predict_api.dialects.rows import of_rows
from predict_api.dialects.sentences import sentence
from predict_api.exceptions import InvalidCall


def read(call: Call, schema: Schema, max_rows: int) -> Ask[None]:  # noqa: ARG001 the readers count the rows
    """The rows of a call; raises NotJson, InvalidCall or RequestFaults."""
    body = strict_json.parse(call.body)
    if not isinstance(body, list):
        raise InvalidCall("send an array of objects, one for each row")
    return Ask(of_rows(body, schema), None)


def write(scores: Scores, _ask: Ask[None], _attribution: Attribution) -> Reply:
    """The labels. The client makes a frame of all members, so that there is no other one."""
    return Reply(msgspec.json.encode({"predict": scores.labels}))


def fault(problem: Problem) -> Reply:
    """A problem as plain text; what concerns the body is a 422."""
    status = 422 if problem["status"] == 400 else problem["status"]
    return Reply(sentence(problem).encode(), [("Content-Type", "text/plain; charset=utf-8")], status)


def prototype(schema: Schema) -> JsonObject:
    """The JSON Schema of a row."""
    return {"type": "object", "properties": {column.name: {"type": column.type.value} for column in schema.columns}}


def metadata(manifest: Manifest) -> JsonObject:
    """What a model is made of: its version, its libraries, and its Python as three numbers if it is known."""
    libraries = {name: version for name, version in manifest.environment.items() if name != "python"}
    python = re.findall(r"\d+", manifest.environment.get("python", ""))[:3]
    return {
        "user": {},
        "version": manifest.version,
        "url": None,
        "required_pkgs": [*sorted(libraries)],
        "python_version": [int(number) for number in python],
    }


VETIVER: Final = Dialect(
    name="vetiver",
    paths=("/vetiver/",),
    calls=re.compile("/vetiver/predict"),
    read=read,
    write=write,
    fault=fault,
)
