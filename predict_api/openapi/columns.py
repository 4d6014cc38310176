"""The JSON Schema of a column: the values that `changeover/schema/cell_parsers.py` accepts, and a description.

The columns come from `predict_api/openapi/public_schema.py`, so they have only public members.
"""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.schema.cell_parsers import LARGEST_NUMBER
from changeover.schema.dtypes import integers_of, time_of
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
_NUMERIC: Final = ("number", "integer")
_FORMAT_EXAMPLES: Final[dict[Json, str]] = {known.value: example for known, example in EXAMPLES.items()}


def column_schema(column: JsonObject) -> JsonObject:
    """The schema of the values of `column`, with its description."""
    texts: JsonObject = {"description": _description(column), "examples": _examples(column)}
    return {**_values(column), **{name: text for name, text in texts.items() if text}}


def parsed_schema(column: JsonObject) -> JsonObject:
    """The schema of the parsed values of `column`, as `?include=inputs` returns them."""
    kind = str(column.get("type", "number"))
    return {"type": [kind, "null"] if column.get("nullable") else kind}


def sample_row(columns: Sequence[JsonObject]) -> JsonObject:
    """A sample row: a value for each column."""
    return {str(column.get("name")): _sample_value(column) for column in columns}


def _sample_value(column: JsonObject) -> Json:
    """A value from a public list or range, else from the type and the format.

    The column accepts it, except if its list is closed and not public. The value then is null if the column is
    nullable, else a placeholder.
    """
    for listed in (column.get("enum"), column.get("categories")):
        if isinstance(listed, list) and listed:
            return listed[0]
    if column.get(CLOSED) and column.get("nullable"):
        return None
    kind, limits, notation = column.get("type", "number"), column.get("range"), column.get("format")
    if kind == "string":
        zoned, _, _ = time_of(str(column.get("dtype") or ""))
        times = {"date": "2026-01-31", "date-time": f"2026-01-31T12:00:00{'Z' if zoned else ''}"}
        return times.get(str(notation), "text")
    if kind == "boolean":
        return True
    if isinstance(limits, list) and len(limits) == 2 and all(isinstance(limit, int | float) for limit in limits):
        low, high = (float(limit) for limit in limits if isinstance(limit, int | float))
        middle = low + (high - low) / 2
        return round(middle) if kind == "integer" else round(middle, 4)
    return 0 if kind == "integer" else _FORMAT_EXAMPLES.get(notation, 0)


def _values(column: JsonObject) -> JsonObject:
    kind, nullable, enum = str(column.get("type", "number")), bool(column.get("nullable")), column.get("enum")
    if kind not in _NUMERIC:
        listed: JsonObject = {"enum": [*enum, None] if nullable else enum} if isinstance(enum, list) else {}
        notation = column.get("format") if kind == "string" and not listed else None
        if notation:
            listed = {"format": "date"} if notation == Format.DATE.value else {"pattern": _time_pattern(column)}
        longest = column.get("max_length") if kind == "string" and not listed else None
        return {**parsed_schema(column), **listed, **({"maxLength": longest} if longest else {})}
    if isinstance(enum, list):
        texts: list[Json] = [repr(value) for value in enum]
        if not nullable:
            return {"enum": enum + texts}
        return {"anyOf": [{"enum": [*enum, None, *texts]}, {"type": "string", "pattern": f"^({_MISSING})$"}]}
    integers = integers_of(str(column.get("dtype") or ""))
    low, high = (-LARGEST_NUMBER, LARGEST_NUMBER) if kind == "number" else (integers[0], integers[-1])
    return {
        "type": [kind, "string", "boolean", *(["null"] if nullable else [])],
        "minimum": low,
        "maximum": high,
        "pattern": _pattern(kind, column.get("format"), nullable=nullable),
    }


def _time_pattern(column: JsonObject) -> str:
    """The pattern of the times of a column: a subset of what the parser accepts, whose days exist in every month."""
    zoned, first, last = time_of(str(column.get("dtype") or ""))
    years = "(1[7-9]|20|21)[0-9]{2}" if (first, last) != (1, 9999) else "[1-9][0-9]{3}"
    day = rf"{years}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    clock = r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
    return rf"^{day}{clock}(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$" if zoned else rf"^{day}({clock})?$"


def _pattern(kind: str, notation: Json, *, nullable: bool) -> str:
    """The pattern of the strings that are a number of this column, or a missing value."""
    plain = _WHOLE if kind == "integer" else _PLAIN
    patterns = [f"{plain} *"]
    if notation == Format.PERCENT.value:
        patterns = [f"{plain} *%? *"]
    if notation == Format.CURRENCY.value:
        digits = _WHOLE_DIGITS if kind == "integer" else _DIGITS
        patterns = [rf" *([+-]? ?[$€£]? ?|[$€£] ?[+-]){digits} *", rf" *\( ?[$€£]? ?{digits} ?\) *"]
    if nullable:
        patterns.append(_MISSING)
    return f"^({'|'.join(patterns)})$"


def _description(column: JsonObject) -> str:
    limits, categories, notation = column.get("range"), column.get("categories"), column.get("format")
    is_number = column.get("type", "number") in _NUMERIC
    texts = [str(column.get("description") or "").strip().rstrip(".")]
    if unit := column.get("unit"):
        texts.append(f"unit: {unit}")
    if isinstance(limits, list) and len(limits) == 2:
        texts.append(f"seen in training: {limits[0]} to {limits[1]}")
    if column.get(CLOSED):
        texts.append("accepts listed values only; the list is not public: ask the publisher of the model")
    if isinstance(categories, list):
        more = f", and {len(categories) - MOST_EXAMPLES} more" if len(categories) > MOST_EXAMPLES else ""
        shown = ", ".join(map(str, categories[:MOST_EXAMPLES]))
        texts.append(f"seen in training: {shown}{more}; others are accepted, too")
    if column.get("case") == "fold":
        texts.append("upper and lower case are the same")
    if example := _FORMAT_EXAMPLES.get(notation):
        texts.append(f"{notation}: {'a number, or ' if is_number else ''}a string such as {example!r}")
    if column.get("nullable"):
        texts.append("may be missing: null" + (', "" or "nan"' if is_number else ""))
    return ". ".join(text for text in texts if text)


def _examples(column: JsonObject) -> list[Json]:
    categories, example = column.get("categories"), _FORMAT_EXAMPLES.get(column.get("format"))
    if isinstance(categories, list):
        return categories[:MOST_EXAMPLES]
    return [example] if example and column.get("type") != "integer" else []
