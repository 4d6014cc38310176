"""The answers of one version to some rows: `python -I -m model_runner.answers`, for `changeover diff`.

Standard input is a line of JSON, `{"manifest": {...}, "rows": [...]}`, and then the artifact. The process confines
itself before it reads the artifact. Standard output is JSON: `{"answers": [output or null], "refused": [reason]}`, or
`{"failed": reason}`.
"""

import json
import os
import sys
from typing import Final

import joblib

from changeover import digest
from changeover.artifact.load import load_model
from changeover.estimator.golden_rows import record
from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.schema.schema import Schema
from model_runner import libraries
from model_runner.confinement.confine import Limits, confine, die_with_parent
from model_runner.options import Preload

_LIMITS: Final = Limits(8 * 1024**3, 600)


def main() -> int:
    """Answer one request."""
    die_with_parent()
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # so that the output of a library does not mix with the answers
    sys.stderr.write(libraries.preload(Preload()))
    confine(libraries.readable(), _LIMITS)
    request = json.loads(sys.stdin.buffer.readline())
    with joblib.parallel_config(backend="sequential"):
        body = _answers(sys.stdin.buffer.read(), Manifest.from_json(request["manifest"]), request["rows"])
    json.dump(body, output)
    output.close()
    return 0


def _answers(artifact: bytes, manifest: Manifest, rows: list[JsonObject]) -> JsonObject:
    try:
        digest.verify(artifact, manifest.version)
        estimator, schema = load_model(artifact), Schema.from_json(manifest.schema)
    except ChangeoverError as error:
        return {"failed": str(error)}
    answers: list[Json] = []
    refused: list[Json] = []
    for row in rows:
        try:
            outputs = record(estimator, schema, [row])["outputs"]
            answers.append(outputs[0] if isinstance(outputs, list) else None)
        except ChangeoverError as error:
            answers.append(None)
            refused.append(str(error))
    return {"answers": answers, "refused": refused}


if __name__ == "__main__":
    sys.exit(main())
