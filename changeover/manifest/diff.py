"""The difference of two versions: schema, metrics, environment, size and answers to golden rows.

It is the library of `changeover diff`. A is the base version, B the candidate.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from changeover.json_types import Json, JsonObject
from changeover.manifest.answer_comparison import differing_part
from changeover.manifest.compatibility import SchemaDiff, compare
from changeover.manifest.manifest import Manifest

MOST_DIFFERENCES: Final = 20


@dataclass(frozen=True)
class Figure:
    """One metric of both versions; None for a version without it."""

    name: str
    a: float | None
    b: float | None

    @property
    def difference(self) -> float | None:
        """B minus A."""
        return None if self.a is None or self.b is None else self.b - self.a


class GoldenDiff(msgspec.Struct, frozen=True, rename={"not_compared": "cannot"}):
    """Golden rows answered by both versions; `not_compared` are sentences on rows that could not be compared.

    `differences` holds the first 20: `{"row": {...}, "part": "prediction", "a": ..., "b": ...}`.
    """

    compared: int = 0
    differ: int = 0
    differences: list[JsonObject] = []
    not_compared: list[str] = []


@dataclass(frozen=True)
class VersionDiff:
    """The whole comparison of A and B."""

    a: Manifest
    b: Manifest
    schema: SchemaDiff
    metrics: list[Figure]
    environment: list[tuple[str, str | None, str | None]]
    same_data: bool | None
    golden: GoldenDiff

    def to_json(self) -> JsonObject:
        """The document of `changeover diff --json`."""
        return {
            "model": self.a.model,
            "a": self.a.version,
            "b": self.b.version,
            "schema": self.schema.to_json(),
            "metrics": {
                figure.name: {"a": figure.a, "b": figure.b, "difference": figure.difference} for figure in self.metrics
            },
            "same_evaluation_data": self.same_data,
            "environment": {name: {"a": a, "b": b} for name, a, b in self.environment},
            "size": {"a": self.a.size, "b": self.b.size, "difference": self.b.size - self.a.size},
            "golden": msgspec.to_builtins(self.golden),
        }


def diff(a: Manifest, b: Manifest, golden: GoldenDiff) -> VersionDiff:
    """Compare A and B; of the environment only differing versions."""
    names = [*a.metrics, *(name for name in b.metrics if name not in a.metrics)]
    packages = sorted({*a.environment, *b.environment})
    data = [(manifest.evaluation or {}).get("data_sha256") for manifest in (a, b)]
    return VersionDiff(
        a=a,
        b=b,
        schema=compare(a, b),
        metrics=[Figure(name, a.metrics.get(name), b.metrics.get(name)) for name in names],
        environment=[
            (name, a.environment.get(name), b.environment.get(name))
            for name in packages
            if a.environment.get(name) != b.environment.get(name)
        ],
        same_data=None if None in data else data[0] == data[1],
        golden=golden,
    )


def row_key(row: Json) -> str:
    """A row as a string, to look it up by."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False)


def golden_answers(manifest: Manifest) -> dict[str, tuple[JsonObject, Json]]:
    """The golden rows in a manifest, with their answers, by `row_key`."""
    golden = manifest.golden or {}
    rows, outputs = golden.get("rows"), golden.get("outputs")
    if not isinstance(rows, list) or not isinstance(outputs, list):
        return {}
    pairs = zip(rows, outputs, strict=False)
    return {row_key(row): (row, output) for row, output in pairs if isinstance(row, dict)}


def compare_answers(
    rows: Sequence[JsonObject], of_a: Mapping[str, Json], of_b: Mapping[str, Json], not_compared: Sequence[str]
) -> GoldenDiff:
    """Compare the answers to `rows` that both versions have, by `row_key`."""
    pairs = [(row, of_a[key], of_b[key]) for row in rows if (key := row_key(row)) in of_a and key in of_b]
    differences: list[JsonObject] = []
    for row, *answers in pairs:
        part = differing_part(*answers)
        if part is not None:
            a, b = (answer.get(part) if isinstance(answer, dict) else answer for answer in answers)
            differences.append({"row": row, "part": part, "a": a, "b": b})
    return GoldenDiff(len(pairs), len(differences), differences[:MOST_DIFFERENCES], list(not_compared))
