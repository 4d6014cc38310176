"""The changes of a version's interface, and whether each of them breaks consumers.

model_server refuses to roll an incompatible version with 422. A change is compatible if every valid request stays valid
with the same meaning, and every answer keeps its form. A new column breaks, nullable or not, since a request without
that field is invalid. A wider column is compatible: a number in place of an integer, a newly nullable column, a longer
or opened list of values.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.schema.cell_parsers import shown

_ABSENT: Final[JsonObject] = {"type": "number", "nullable": False, "case": "exact", "public": False}
# informative members, which restrict no request
_INFORMATIVE: Final = ("categories", "range", "missing_seen", "description", "public", "dtype", "missing", "ordered")
_MOST_SHOWN: Final = 5
_WIDER: Final = (("integer", "number"), ("boolean", "number"), ("boolean", "integer"))  # true and false are 1 and 0


class Change(msgspec.Struct, frozen=True):
    """One difference. `change` is a word for programs; `column` is None if it is not about one column."""

    change: str
    column: str | None
    before: Json
    after: Json
    breaks: bool
    says: str


@dataclass(frozen=True)
class SchemaDiff:
    """All differences between two versions that concern consumers, breaking ones first."""

    changes: tuple[Change, ...]

    @property
    def breaking(self) -> list[Change]:
        """The changes that break consumers."""
        return [change for change in self.changes if change.breaks]

    @property
    def compatible(self) -> bool:
        """Whether no change breaks a consumer."""
        return not self.breaking

    def to_json(self) -> JsonObject:
        """`{"compatible": ..., "changes": [{"change", "column", "before", "after", "breaks", "says"}, ...]}`."""
        return {"compatible": self.compatible, "changes": msgspec.to_builtins([*self.changes])}


def compare(before: Manifest, after: Manifest) -> SchemaDiff:
    """The changes from `before` to `after` for consumers."""
    changes = [*_schemas(before.schema, after.schema), *_answers(before, after)]
    return SchemaDiff(tuple(sorted(changes, key=lambda change: not change.breaks)))


def _schemas(before: JsonObject, after: JsonObject) -> Iterator[Change]:
    old, new = _columns(before), _columns(after)
    ignores = after.get("extra") == "ignore"
    for name in [name for name in old if name not in new]:
        what = "is gone; what is sent for it is ignored" if ignores else "is gone: requests that send it are refused"
        yield Change("removed", name, _kind(old[name]), None, not ignores, f"column {name!r} {what}")
    for name in [name for name in new if name not in old]:
        says = f"column {name!r} is new: requests that do not send it are refused"
        yield Change("added", name, None, _kind(new[name]), True, says)
    for name in [name for name in new if name in old]:
        yield from _column(name, old[name], new[name])
    if before.get("extra", "forbid") != after.get("extra", "forbid"):
        says = "unknown fields are ignored now" if ignores else "unknown fields were ignored, now they are refused"
        yield Change("extra", None, before.get("extra"), after.get("extra"), not ignores, says)


def _columns(schema: JsonObject) -> dict[str, JsonObject]:
    columns = schema.get("columns")
    listed = columns if isinstance(columns, list) else []
    return {str(column.get("name")): _ABSENT | column for column in listed if isinstance(column, dict)}


def _kind(column: JsonObject) -> Json:
    return {name: value for name, value in column.items() if name in {"type", "nullable", "format", "enum"}}


def _column(name: str, old: JsonObject, new: JsonObject) -> Iterator[Change]:
    kinds = (old["type"], new["type"])
    if old["type"] != new["type"]:
        widens = kinds in _WIDER
        yield _change("retyped", name, "type", old, new, not widens, "is {after}, it was {before}")
    if old["nullable"] != new["nullable"]:
        says = "may be missing now" if new["nullable"] else "may no longer be missing"
        yield _change("nullable", name, "nullable", old, new, not new["nullable"], says)
    yield from _enum(name, old, new)
    if old.get("format") != new.get("format"):
        # a plain number is the same in every format; a string without a format may be anything
        narrows = old.get("format") is not None if old["type"] != "string" else new.get("format") is not None
        says = "has the format {after}, it had {before}"
        yield _change("format", name, "format", old, new, narrows, says)
    if old["case"] != new["case"]:
        says = "is {after} about upper and lower case, it was {before}"
        yield _change("case", name, "case", old, new, old["case"] != "exact", says)
    if (old.get("unit") or "") != (new.get("unit") or ""):
        both = bool(old.get("unit") and new.get("unit"))
        yield _change("unit", name, "unit", old, new, both, "is measured in {after}, it was {before}")
    for member in _INFORMATIVE:
        if old.get(member) != new.get(member):
            yield _change(member, name, member, old, new, False, f"has another {member}")


def _enum(name: str, old: JsonObject, new: JsonObject) -> Iterator[Change]:
    before, after = _values(old), _values(new)
    if before == after:
        return
    if after is None:
        yield _change("enum", name, "enum", old, new, False, "takes any value now, it was a closed list")
        return
    if before is None:
        yield _change("enum", name, "enum", old, new, True, "takes only {after}, it was open")
        return
    fold = new["case"] != "exact"
    allowed = {_folded(value, fold) for value in after}
    lost = [value for value in before if _folded(value, fold) not in allowed]
    says = f"no longer takes {_listed(lost)}" if lost else f"takes more values: {_listed(after)}"
    yield _change("enum", name, "enum", old, new, bool(lost), says)


def _values(column: JsonObject) -> list[Json] | None:
    """The values of a closed list as a set; None if every value of the type is allowed."""
    values = column.get("enum")
    if not isinstance(values, list) or (column["type"] == "boolean" and len(values) == 2):
        return None
    return sorted(values, key=json.dumps)


def _folded(value: Json, fold: bool) -> Json:
    return value.casefold() if fold and isinstance(value, str) else value


def _answers(before: Manifest, after: Manifest) -> Iterator[Change]:
    """Differences in the form and the meaning of answers."""
    old, new = before.estimator.get("kind"), after.estimator.get("kind")
    if old != new:
        yield Change(
            "kind", None, old, new, True, f"it is a {new}, it was a {old}: its predictions mean something else"
        )
    if _text(before.classes) != _text(after.classes):
        yield _classes(before.classes, after.classes)
    gave, gives = before.estimator.get("predict_proba"), after.estimator.get("predict_proba")
    if gave != gives:
        says = "it answers with probabilities now" if gives else "it gives no probabilities any more: null is answered"
        yield Change("predict_proba", None, gave, gives, not gives, says)
    forms = _form(before), _form(after)
    if None not in forms and forms[0] != forms[1]:
        says = f"a prediction is {forms[1]}, it was {forms[0]}"
        yield Change("prediction", None, forms[0], forms[1], True, says)


def _classes(before: list[Json] | None, after: list[Json] | None) -> Change:
    if before is None:
        return Change("classes", None, before, after, False, f"it has classes now: {_listed(after or [])}")
    reordered = after is not None and sorted(map(_text, before)) == sorted(map(_text, after))
    what = "in another order" if reordered else ("gone" if after is None else "others")
    message = f"the classes are {what}: {_text(after)}, they were {_text(before)}"
    why = "the probabilities stand in their order" if reordered else "consumers know the old ones"
    return Change("classes", None, before, after, True, f"{message}; {why}")


def _form(manifest: Manifest) -> str | None:
    """The form of a prediction, as the golden rows show it."""
    outputs = (manifest.golden or {}).get("outputs")
    first = outputs[0] if isinstance(outputs, list) and outputs else None
    prediction = first.get("prediction") if isinstance(first, dict) else None
    if prediction is None:
        return None
    return f"a list of {len(prediction)}" if isinstance(prediction, list) else "one value"


def _change(change: str, name: str, member: str, old: JsonObject, new: JsonObject, breaks: bool, says: str) -> Change:
    before, after = old.get(member), new.get(member)
    message = says.replace("{before}", _word(before)).replace("{after}", _word(after))
    return Change(change, name, before, after, breaks, f"column {name!r} {message}")


def _word(value: Json) -> str:
    if value is None:
        return "none"
    return _listed(value) if isinstance(value, list) else str(value)


def _listed(values: list[Json]) -> str:
    more = f" and {len(values) - _MOST_SHOWN} more" if len(values) > _MOST_SHOWN else ""
    return f"{', '.join(shown(value) for value in values[:_MOST_SHOWN])}{more}"


def _text(value: Json) -> str:
    """A value as JSON, where true, 1 and 1.0 are three values."""
    return json.dumps(value, ensure_ascii=False)
