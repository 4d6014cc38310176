"""The page of one version: its manifest, columns, metrics and golden rows, and a form made of its columns."""

from typing import Any, Final

from changeover.json_documents import object_in, objects_in
from changeover.json_types import Json
from changeover.manifest.diff import golden_answers
from changeover.manifest.manifest import Manifest
from changeover.protocol.wire import VersionState
from model_server.console.behaviour import shown_answer
from model_server.console.parts import Page, Parts
from model_server.rollouts.model_state import ModelState

MOST_GOLDEN: Final = 10
MOST_COLUMNS: Final = 400
_COLUMN: Final[Page] = dict.fromkeys(("type", "nullable", "format", "unit", "enum", "range", "description"))
_EVALUATION: Final[Page] = dict.fromkeys(("data_sha256", "rows"))


def version_page(parts: Parts, state: ModelState, manifest: Manifest) -> Page:
    """The data of the page; raises StoreError."""
    current = state.current
    rolled = parts.rolled(state)
    known = VersionState.RETIRED if manifest.version in rolled else VersionState.ADMITTED
    tombstone = parts.versions.tombstones.read(manifest.model, manifest.version)
    if tombstone is not None:
        known = VersionState.REMOVED
    is_current = current is not None and current.version == manifest.version
    columns = _columns(manifest)
    golden = golden_answers(manifest)
    return {
        "model": manifest.model,
        "version": manifest.version,
        "state": str(VersionState.CURRENT if is_current else known),
        "current": current.version if current else None,
        "removed": tombstone.to_json() if tombstone is not None else None,
        "size": manifest.size,
        "created_at": manifest.created_at,
        "updated_at": manifest.updated_at,
        "description": manifest.description,
        "estimator": {"type": "", "kind": "", **manifest.estimator},
        "classes": manifest.classes,
        "metrics": manifest.metrics,
        "evaluation": {**_EVALUATION, **manifest.evaluation} if manifest.evaluation else None,
        "environment": manifest.environment,
        "runner_environment": manifest.runner_environment,
        "provenance": {"source": "", "name": "", "by": "", **manifest.provenance},
        "warnings": manifest.warnings,
        "twin": _twin(manifest),
        "schema_by": manifest.schema_by,
        "golden_by": manifest.golden_by,
        "columns": columns[:MOST_COLUMNS],
        "more_columns": max(0, len(columns) - MOST_COLUMNS),
        "golden": [{"row": row, **shown_answer(output)} for row, output in list(golden.values())[:MOST_GOLDEN]],
        "more_golden": max(0, len(golden) - MOST_GOLDEN),
        "rolls": sum(each.committed and each.rollout.version == manifest.version for each in parts.ended(state)),
    }


def _columns(manifest: Manifest) -> list[Page]:
    """The columns, with an example from the first golden row that has one."""
    rows = [row for row, _ in golden_answers(manifest).values()]
    listed: list[Page] = []
    for column in objects_in(manifest.schema.get("columns")):
        name = str(column.get("name"))
        example = next((row[name] for row in rows if row.get(name) is not None), None)
        listed.append({**_COLUMN, **column, "name": name, "example": example})
    return listed


def _twin(manifest: Manifest) -> Page:
    twin = object_in(manifest.twin)
    return {"sha256": twin.get("sha256"), "size": twin.get("size"), "absent": twin.get("absent")}


def row_of_form(manifest: Manifest, fields: dict[str, str]) -> dict[str, Json]:
    """The row that a form sent: field `c3` is the fourth column; an empty field is null."""
    row: dict[str, Json] = {}
    for position, column in enumerate(_columns(manifest)):
        text = fields.get(f"c{position}", "")
        row[str(column["name"])] = _cell(column, text)
    return row


def _cell(column: dict[str, Any], text: str) -> Json:
    """Numbers go out as strings, which predict_api reads exactly; a boolean is true or false."""
    if text == "":
        return None
    if column.get("type") == "boolean" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return text
