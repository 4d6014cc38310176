"""The JSON Schema of a column: the values that `changeover/schema/cell_parsers.py` accepts, and a description.

The columns come from `predict_api/openapi/public_schema.py`, so they have only public members.
"""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.schema.cell_parsers import LARGEST_NUMBER
from changeover.schema.formats import EXAMPLES, Format
from predict_api.openapi.public_schema import CLOSED

MOST_EXAMPLES: Final = 50
# Patterns of numbers as strings: a subset of what the parser accepts, so that every match is within its bounds.
_BLANK: Final = r"[\s\x1c-\x1f\x85]*"
_MISSING: Final = rf"{_BLANK}| *[nN][aA][nN] *"
_PLAIN: Final = r" *[+-]?([0-9]{1,28}(\.[0-9]{0,28})?|\.[0-9]{1,28})([eE][+-]?[0-9])?"
_WHOLE: Final = r" *[+-]?[0-9]{1,18}(\.0{0,20})?"
_DIGITS: Final = r"(([0-9]{1,3}(,[0-9]{3}){1,8}|[0-9]{1,28})(\.[0-9]{0,20})?|\.[0-9]{1,20})"
_WHOLE_DIGITS: Final = r"([0-9]{1,3}(,[0-9]{3}){1,4}|[0-9]{1,18})(\.0{0,20})?"
_INT64: Final = (-(2**63), 2**63 - 1)


def column_schema(column: JsonObject) -> JsonObject:
    """The schema of the values of `column`, with its description."""
    body = _value(column)
    if description := _description(column):
        body["description"] = description
    if examples := _examples(column):
        body["examples"] = examples
    return body


def parsed_schema(column: JsonObject) -> JsonObject:
    """The schema of the parsed values of `column`, as `?include=inputs` returns them."""
    return {"type": _types(str(column.get("type", "number")), nullable=bool(column.get("nullable")))}


def made_up_row(columns: Sequence[JsonObject]) -> JsonObject:
    """A sample row: a value for each column."""
    return {str(column.get("name")): _made_up(column) for column in columns}


def _made_up(column: JsonObject) -> Json:
    """A sample value: from a public list or range, else from the type and the format.

    The column accepts it, except if its list is closed and not public. The value then is null if the column is
    nullable, else a placeholder.
    """
    for listed in (column.get("enum"), column.get("categories")):
        if isinstance(listed, list) and listed:
            return listed[0]
    if column.get(CLOSED) and column.get("nullable"):
        return None
    kind, seen, written = column.get("type", "number"), column.get("range"), column.get("format")
    if kind == "string":
        return "2026-01-31" if written == "date" else "text"
    if kind == "boolean":
        return True
    if isinstance(seen, list) and len(seen) == 2 and all(isinstance(end, int | float) for end in seen):
        low, high = (float(end) for end in seen if isinstance(end, int | float))
        middle = low + (high - low) / 2
        return round(middle) if kind == "integer" else round(middle, 4)
    if kind == "integer":
        return 0
    return next((example for known, example in EXAMPLES.items() if written == known.value), 0)


def _value(column: JsonObject) -> JsonObject:
    kind, nullable, enum = str(column.get("type", "number")), bool(column.get("nullable")), column.get("enum")
    if isinstance(enum, list):
        return _closed(kind, enum, nullable)
    if kind in {"number", "integer"}:
        low, high = (-LARGEST_NUMBER, LARGEST_NUMBER) if kind == "number" else _INT64
        types: list[Json] = [kind, "string", "null"] if nullable else [kind, "string"]
        return {
            "type": types,
            "minimum": low,
            "maximum": high,
            "pattern": _pattern(kind, column.get("format"), nullable=nullable),
        }
    body: JsonObject = {"type": _types(kind, nullable=nullable)}
    if kind == "string" and column.get("format") is not None:
        body["format"] = column["format"]
    return body


def _closed(kind: str, enum: list[Json], nullable: bool) -> JsonObject:
    listed = [*enum, *([None] if nullable else [])]
    if kind not in {"number", "integer"}:
        return {"type": _types(kind, nullable=nullable), "enum": listed}
    written: list[Json] = [repr(value) for value in enum]
    texts: list[Json] = [{"enum": listed + written}]
    return (
        {"anyOf": [*texts, {"type": "string", "pattern": f"^({_MISSING})$"}]}
        if nullable
        else {"enum": listed + written}
    )


def _types(kind: str, *, nullable: bool) -> Json:
    return [kind, "null"] if nullable else kind


def _pattern(kind: str, written: Json, *, nullable: bool) -> str:
    """The pattern of the strings that are a number of this column, or a missing value."""
    plain = _WHOLE if kind == "integer" else _PLAIN
    texts = [f"{plain} *"]
    if written == Format.PERCENT.value:
        texts = [f"{plain} *%? *"]
    if written == Format.CURRENCY.value:
        digits = _WHOLE_DIGITS if kind == "integer" else _DIGITS
        texts = [rf" *([+-]? ?[$€£]? ?|[$€£] ?[+-]){digits} *", rf" *\( ?[$€£]? ?{digits} ?\) *"]
    if nullable:
        texts.append(_MISSING)
    return f"^({'|'.join(texts)})$"


def _description(column: JsonObject) -> str:
    said = [str(column.get("description") or "").strip().rstrip(".")]
    if unit := column.get("unit"):
        said.append(f"unit: {unit}")
    seen = column.get("range")
    if isinstance(seen, list) and len(seen) == 2:
        said.append(f"seen in training: {seen[0]} to {seen[1]}")
    categories = column.get("categories")
    if column.get(CLOSED):
        said.append("takes listed values only, which are not public: ask the publisher of the model")
    if isinstance(categories, list):
        more = f", and {len(categories) - MOST_EXAMPLES} more" if len(categories) > MOST_EXAMPLES else ""
        said.append(f"seen in training: {', '.join(map(str, categories[:MOST_EXAMPLES]))}{more}; others are taken, too")
    if column.get("case") == "fold":
        said.append("upper and lower case are the same")
    for known, example in EXAMPLES.items():
        if column.get("format") == known.value:
            shown = "" if column.get("type") == "string" else "a number, or "
            said.append(f"{known.value}: {shown}a text such as {example!r}")
    if column.get("nullable"):
        numeric = column.get("type", "number") in {"number", "integer"}
        said.append("may be missing: null" + (', "" or "nan"' if numeric else ""))
    return ". ".join(part for part in said if part)


def _examples(column: JsonObject) -> list[Json]:
    categories, written = column.get("categories"), column.get("format")
    if isinstance(categories, list):
        return categories[:MOST_EXAMPLES]
    return [EXAMPLES[known] for known in EXAMPLES if written == known.value and column.get("type") != "integer"]
