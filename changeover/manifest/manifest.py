"""The manifest of a version: `versions/<model>/<sha256>/manifest.json`.

It holds schema, classes, metrics, environment, golden rows and provenance. A publisher sends a `Draft` with any of
these; admission completes it into a `Manifest`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from changeover.exceptions import InvalidManifest
from changeover.json_types import Json, JsonObject
from changeover.names import is_version

FORMAT: Final = 1


@dataclass(frozen=True)
class Draft:
    """The publisher's part of a manifest; every member may be missing.

    `schema` is `changeover.schema.schema.Schema` as JSON; `metrics` are numbers by name; `environment` is versions by
    distribution name; `golden` is `{"rows": [{...}, ...], "outputs": [{"prediction": ..., "predict_proba": ...}, ...]}`
    with as many outputs as rows, or none for admission to compute. `evaluation` is `{"data_sha256": "<64 hex>",
    "rows": n}`: the held-out data that the metrics were measured on (`changeover.evaluated_on` makes it).
    """

    schema: JsonObject | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    golden: JsonObject | None = None
    description: str = ""
    evaluation: JsonObject | None = None

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read a publisher's JSON; raises InvalidManifest naming the invalid member."""
        members = _object(body, "the manifest")
        known = {entry.name for entry in dataclasses.fields(cls)}
        unknown = sorted(set(members) - known)
        if unknown:
            raise InvalidManifest(f"the manifest has unknown members {unknown}; known are {sorted(known)}")
        return cls(
            schema=_optional_object(members, "schema"),
            metrics=_numbers(members, "metrics"),
            environment=_texts(members, "environment"),
            golden=_golden(members),
            description=_text(members, "description", ""),
            evaluation=_evaluation(members),
        )

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`; `evaluation` only if set, as older servers do not know it."""
        body: JsonObject = dataclasses.asdict(self)
        if self.evaluation is None:
            del body["evaluation"]
        return body


@dataclass(frozen=True)
class Manifest:
    """The manifest of one version. `created_at` is RFC 3339 in UTC, `size` in bytes.

    `estimator` is `{"type": "Pipeline", "kind": "classifier" | "regressor" | "other", "predict_proba": true}`;
    `classes` are the labels in the order of `predict_proba`, or None; `provenance` is the origin of the bytes:
    `{"source": "http" | "incoming" | "uri", "name": ..., "by": ...}`; `warnings` are sentences for people; `evaluation`
    is as in `Draft`; `twin` is the ONNX twin as `{"sha256": ..., "size": ..., "proof": {...}}`, or
    `{"absent": reason}`, or None if no export was tried.
    """

    model: str
    version: str
    size: int
    created_at: str
    schema: JsonObject
    estimator: JsonObject
    classes: list[Json] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    golden: JsonObject | None = None
    description: str = ""
    provenance: JsonObject = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    evaluation: JsonObject | None = None
    twin: JsonObject | None = None
    format: int = FORMAT

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read a stored manifest; raises InvalidManifest. Members of later formats are ignored."""
        members = _object(body, "the manifest")
        written = members.get("format", FORMAT)
        if not isinstance(written, int) or written < FORMAT:
            raise InvalidManifest(f"the manifest's format is {written!r}, {FORMAT} or later was expected")
        classes = members.get("classes")
        if classes is not None and not isinstance(classes, list):
            raise InvalidManifest("the manifest's classes are no list")
        size = members.get("size")
        if not isinstance(size, int) or isinstance(size, bool):
            raise InvalidManifest("the manifest's size is no integer")
        warnings = members.get("warnings", [])
        if not isinstance(warnings, list):
            raise InvalidManifest("the manifest's warnings are no list")
        return cls(
            model=_text(members, "model"),
            version=_text(members, "version"),
            size=size,
            created_at=_text(members, "created_at"),
            schema=_object(members.get("schema"), "schema"),
            estimator=_object(members.get("estimator"), "estimator"),
            classes=classes,
            metrics=_numbers(members, "metrics"),
            environment=_texts(members, "environment"),
            golden=_golden(members),
            description=_text(members, "description", ""),
            provenance=_optional_object(members, "provenance") or {},
            warnings=[str(warning) for warning in warnings],
            evaluation=_evaluation(members),
            twin=_optional_object(members, "twin"),
            format=written,
        )

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`."""
        return dataclasses.asdict(self)


def _object(value: object, what: str) -> JsonObject:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidManifest(f"{what} is no JSON object")
    return value


def _optional_object(members: Mapping[str, Json], name: str) -> JsonObject | None:
    value = members.get(name)
    return None if value is None else _object(value, name)


def _text(members: Mapping[str, Json], name: str, default: str | None = None) -> str:
    value = members.get(name, default)
    if not isinstance(value, str):
        raise InvalidManifest(f"the manifest's {name} is no string")
    return value


def _texts(members: Mapping[str, Json], name: str) -> dict[str, str]:
    value = _optional_object(members, name) or {}
    if not all(isinstance(entry, str) for entry in value.values()):
        raise InvalidManifest(f"the manifest's {name} holds a value that is no string")
    return {key: str(entry) for key, entry in value.items()}


def _numbers(members: Mapping[str, Json], name: str) -> dict[str, float]:
    value = _optional_object(members, name) or {}
    found: dict[str, float] = {}
    for key, entry in value.items():
        if isinstance(entry, bool) or not isinstance(entry, int | float) or entry - entry != 0:
            raise InvalidManifest(f"the manifest's {name}.{key} is no number, or not a finite one")
        found[key] = entry
    return found


def _evaluation(members: Mapping[str, Json]) -> JsonObject | None:
    evaluation = _optional_object(members, "evaluation")
    if evaluation is None:
        return None
    digest, rows = evaluation.get("data_sha256"), evaluation.get("rows")
    if not isinstance(digest, str) or not is_version(digest):
        raise InvalidManifest("the manifest's evaluation.data_sha256 is no SHA-256: 64 lowercase hex digits")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 0):
        raise InvalidManifest("the manifest's evaluation.rows is no number of rows")
    return evaluation


def _golden(members: Mapping[str, Json]) -> JsonObject | None:
    golden = _optional_object(members, "golden")
    if golden is None:
        return None
    rows, outputs = golden.get("rows"), golden.get("outputs")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidManifest("the manifest's golden.rows is no list of objects")
    if outputs is not None and (not isinstance(outputs, list) or len(outputs) != len(rows)):
        raise InvalidManifest("the manifest's golden.outputs is not one output a row")
    return golden
