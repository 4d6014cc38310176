"""One call in the OpenAPI document of model_server: its responses, its parameters and its errors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from changeover.json_types import JsonObject
from changeover.protocol.openapi_parts import TEXT, parameter, problems, response
from model_server.openapi.bodies import REPLICA, VERSION_TEXT

Causes = Mapping[str, tuple[int, str]]
# groups of errors, by their names
STORE: Final = ("NotReady", "StoreUnavailable", "StoreError")
MODEL: Final = ("InvalidName", "UnknownModel")
VERSION: Final = (*MODEL, "InvalidVersion", "AmbiguousVersion", "UnknownVersion", "InvalidManifest")
_PATH_PARAMETERS: Final = {
    "version": parameter("version", "path", VERSION_TEXT, "a version, or its first 8 digits or more"),
    "rollout": parameter("rollout", "path", TEXT, "the id or the sequence of a rollout"),
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


def read(summary: str, schema: JsonObject, *errors: str, needs_token: bool = True, **more: Any) -> Call:
    """A call whose response is JSON."""
    return Call(summary, {"200": response(summary, schema)}, errors, needs_token=needs_token, **more)
