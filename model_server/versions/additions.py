"""Additions to a manifest by a second publish of the same bytes, and contradictions.

A draft may add what the manifest lacks, and replace the schema and the golden rows that admission inferred. What a
publisher gave stays: another value of it is a contradiction, and then nothing is taken.
"""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from changeover.json_types import Json, JsonObject
from changeover.manifest.answer_comparison import differing_part
from changeover.manifest.manifest import Draft, Manifest
from changeover.schema.schema import Schema
from model_server.exceptions import ManifestContradicted

ADMISSION: Final = "admission"
_ABSENT: Final = object()


@dataclass(frozen=True)
class Additions:
    """The members that a draft adds, and the complete draft: with what the manifest has already.

    `examine`: schema, golden rows or names of outputs are among them, so the artifact has to be examined again with `draft`.
    """

    members: tuple[str, ...]
    draft: Draft

    @property
    def examine(self) -> bool:
        """Whether the artifact has to be examined again."""
        return not {"schema", "golden", "outputs"}.isdisjoint(self.members)

    def applied(self, stored: Manifest, examined: Manifest, now: str) -> Manifest:
        """The next manifest of the version; `examined` is the manifest by the examination, or `stored` without one."""
        return replace(
            examined,
            created_at=stored.created_at,
            provenance=stored.provenance,
            metrics=self.draft.metrics,
            description=self.draft.description,
            evaluation=self.draft.evaluation,
            outputs=self.draft.outputs,
            reference=self.draft.reference,
            schema_by="publisher" if "schema" in self.members else stored.schema_by,
            golden_by="publisher" if "golden" in self.members else stored.golden_by,
            updated_at=now,
        )


def additions(stored: Manifest, sent: Draft) -> Additions:
    """What `sent` adds to `stored`. Raises ManifestContradicted with every contradiction, or InvalidSchema."""
    found = _Comparison(stored)
    found.schema(sent.schema)
    found.golden(sent.golden)
    for name, value in sent.metrics.items():
        found.value(f"metrics.{name}", "metrics", stored.metrics.get(name, _ABSENT), value)
    if sent.description:
        found.value("description", "description", stored.description or _ABSENT, sent.description)
    if sent.outputs:
        found.value("outputs", "outputs", [*stored.outputs] or _ABSENT, [*sent.outputs])
    found.evaluation(sent.evaluation)
    found.reference(sent.reference)
    if found.contradictions:
        raise ManifestContradicted(stored.model, stored.version, found.contradictions)
    members = tuple(dict.fromkeys(found.added))
    draft = Draft(
        schema=sent.schema if "schema" in members else stored.schema,
        metrics={**stored.metrics, **sent.metrics},
        environment=stored.environment,
        golden=sent.golden if "golden" in members else _kept_golden(stored),
        description=stored.description or sent.description,
        evaluation=sent.evaluation if "evaluation" in members else stored.evaluation,
        outputs=sent.outputs or stored.outputs,
        reference=sent.reference if "reference" in members else stored.reference,
    )
    return Additions(members, draft)


class _Comparison:
    """The members that a draft adds to a manifest, and its contradictions."""

    def __init__(self, stored: Manifest) -> None:
        self._stored = stored
        self.added: list[str] = []
        self.contradictions: list[JsonObject] = []

    def value(self, name: str, member: str, stored: object, sent: Json) -> None:
        """Compare one value; `stored` is _ABSENT if the manifest has none."""
        if stored is _ABSENT:
            self.added.append(member)
        elif stored != sent:
            self._contradicts(name, stored, sent)

    def schema(self, sent: JsonObject | None) -> None:
        """Compare the schemas, column by column."""
        if sent is None:
            return
        before = Schema.from_json(self._stored.schema).to_json()
        after = Schema.from_json(sent, strict=True).to_json()
        if before == after:
            return
        if self._stored.schema_by == ADMISSION:
            self.added.append("schema")
            return
        old, new = _columns(before), _columns(after)
        for name in {**old, **new}:
            if old.get(name) != new.get(name):
                self._contradicts(f"schema.columns.{name}", old.get(name), new.get(name))
        if list(old) != list(new) and old.keys() == new.keys():
            self._contradicts("schema.columns", list(old), list(new))
        for name in (before.keys() | after.keys()) - {"columns"}:
            if before.get(name) != after.get(name):
                self._contradicts(f"schema.{name}", before.get(name), after.get(name))

    def golden(self, sent: JsonObject | None) -> None:
        """Compare the golden rows, and their outputs if the publisher recorded them."""
        rows = sent.get("rows") if sent else None
        if sent is None or not isinstance(rows, list) or not rows:
            return
        stored = self._stored.golden or {}
        outputs = sent.get("outputs")
        recorded_here = stored.get("recorded_by") == ADMISSION
        if rows == stored.get("rows") and _same_outputs(stored, sent):
            if outputs is not None and recorded_here:
                self.added.append("golden")  # the publisher's own process gave these outputs, too
        elif not stored or self._stored.golden_by == ADMISSION or (recorded_here and rows == stored.get("rows")):
            self.added.append("golden")
        else:
            self._contradicts("golden", *_first_difference(stored, sent))

    def evaluation(self, sent: JsonObject | None) -> None:
        """Compare the held-out data; its number of rows may be added later."""
        stored = self._stored.evaluation
        if sent is None or sent == stored:
            return
        if stored is None or {**sent, **stored} == sent:
            self.added.append("evaluation")
        elif {**stored, **sent} != stored:
            self._contradicts("evaluation", stored, sent)

    def reference(self, sent: JsonObject | None) -> None:
        """Compare the references: one by an example is replaced by one that was given as such, and never the reverse."""
        stored = self._stored.reference
        if sent is None or sent == stored or (stored is not None and _by_example(sent)):
            return
        if stored is None or _by_example(stored):
            self.added.append("reference")
        else:
            self._contradicts("reference", stored.get("n"), sent.get("n"))

    def _contradicts(self, member: str, stored: object, sent: object) -> None:
        self.contradictions.append({"member": member, "stored": stored, "sent": sent})  # type: ignore[dict-item]


def _by_example(reference: JsonObject) -> bool:
    return reference.get("origin") == "example"


def _columns(schema: JsonObject) -> dict[str, Json]:
    columns = schema["columns"]
    return {str(column["name"]): column for column in columns if isinstance(column, dict)} if columns else {}  # type: ignore[union-attr]


def _kept_golden(stored: Manifest) -> JsonObject | None:
    """The golden rows for another examination: without outputs that admission recorded, by a schema that may change."""
    golden = stored.golden
    if golden is None or stored.golden_by == ADMISSION:
        return None
    return {"rows": golden["rows"]} if golden.get("recorded_by") == ADMISSION else golden


def _same_outputs(stored: JsonObject, sent: JsonObject) -> bool:
    """Whether the outputs for the same golden rows are equal, or none were sent."""
    old, new = _list(stored, "outputs"), _list(sent, "outputs")
    if sent.get("outputs") is None:
        return True
    return len(old) == len(new) and all(differing_part(*pair) is None for pair in zip(old, new, strict=True))


def _first_difference(stored: JsonObject, sent: JsonObject) -> tuple[Json, Json]:
    """The first golden row in which both differ, with its output; None where one has no such row."""
    for index in range(max(len(_list(stored, "rows")), len(_list(sent, "rows")))):
        old, new = _row(stored, index), _row(sent, index)
        if old is None or new is None or old["row"] != new["row"]:
            return old, new
        if new["output"] is not None and differing_part(old["output"], new["output"]) is not None:
            return old, new
    return _row(stored, 0), _row(sent, 0)


def _row(golden: JsonObject, index: int) -> JsonObject | None:
    rows, outputs = _list(golden, "rows"), _list(golden, "outputs")
    if index >= len(rows):
        return None
    return {"index": index, "row": rows[index], "output": outputs[index] if index < len(outputs) else None}


def _list(golden: JsonObject, member: str) -> list[Json]:
    value = golden.get(member)
    return value if isinstance(value, list) else []
