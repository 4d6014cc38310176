"""One call in the OpenAPI document: its parameters, its responses, its errors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from changeover.json_types import JsonObject
from changeover.protocol.openapi_parts import TEXT, parameter, problems, response
from model_server.openapi.bodies import REPLICA, VERSION_TEXT
from model_server.openapi.retention_bodies import HOLD

Causes = Mapping[str, tuple[int, str]]
_PATH_PARAMETERS: Final = {
    "version": parameter("version", "path", VERSION_TEXT, "a version, or its first 8 digits or more"),
    "rollout": parameter("rollout", "path", TEXT, "the id or the sequence of a rollout"),
    "hold": parameter("hold", "path", HOLD, "the name of a hold, such as the id of a bulk run"),
    "replica": parameter("replica", "path", REPLICA, "the replica"),
}


@dataclass(frozen=True)
class Call:
    """One call: its successful responses, and the names of its errors."""

    summary: str
    good: JsonObject
    errors: Sequence[str] = ()
    parameters: Sequence[JsonObject] = ()
    body: JsonObject | None = None
    needs_token: bool = True
    takes_token: bool = False  # some of its requests need one

    def described(self, name: str, path: str, causes: Causes) -> JsonObject:
        """The operation in the document."""
        errors = ("Unauthenticated", "Forbidden", *self.errors) if self.needs_token else self.errors
        of_path = [_PATH_PARAMETERS[each] for each in re.findall(r"{(\w+)}", path) if each != "model"]
        return {
            "operationId": name,
            "summary": self.summary,
            "responses": {
                **self.good,
                **problems([*(causes[error] for error in errors), (500, "Internal error")]),
            },
            "parameters": [*of_path, *self.parameters],
            **({"requestBody": self.body} if self.body else {}),
            **({"security": [{"token": []}]} if self.needs_token else {}),
            **({"security": [{"token": []}, {}]} if self.takes_token else {}),
        }


def read_call(summary: str, schema: JsonObject, *errors: str, needs_token: bool = True, **more: Any) -> Call:
    """A call whose response is JSON."""
    return Call(summary, {"200": response(summary, schema)}, errors, needs_token=needs_token, **more)
