"""Decoded requests: values or the list of validation errors, never another error."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changeover.exceptions import RequestFaults, TooManyRows
from changeover.request.decode import Decoded, decode
from changeover.schema.cell_parsers import BadCell, ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Extra, Schema
from tests.unit.request.test_strict_json import JSON

NUMBER, INTEGER, BOOLEAN, STRING = ColumnType.NUMBER, ColumnType.INTEGER, ColumnType.BOOLEAN, ColumnType.STRING
AB = Schema((Column("a"), Column("b", STRING)))


def ask(value: object, schema: Schema = AB, max_rows: int = 1000) -> Decoded:
    return decode(value, schema, max_rows)  # type: ignore[arg-type]


def errors_of(value: object, schema: Schema = AB) -> list[tuple[object, object, object]]:
    with pytest.raises(RequestFaults) as caught:
        ask(value, schema)
    assert caught.value.total >= len(caught.value.errors)
    return [(error["row"], error["field"], error["message"]) for error in caught.value.errors]


def one(value: object, column: Column) -> object:
    return ask({column.name: value}, Schema((column,))).columns[column.name][0]


def why(value: object, column: Column) -> object:
    return errors_of({column.name: value}, Schema((column,)))[0][2]


def test_an_object_is_one_row_and_an_array_is_a_batch() -> None:
    assert ask({"a": 1, "b": "x"}) == Decoded(True, 1, {"a": [1.0], "b": ["x"]})
    assert ask([{"a": 1, "b": "x"}]) == Decoded(False, 1, {"a": [1.0], "b": ["x"]})
    assert ask([]) == Decoded(False, 0, {"a": [], "b": []})


def test_the_order_of_fields_never_matters() -> None:
    assert ask([{"b": "x", "a": 1}, {"a": 2, "b": "y"}]).columns == {"a": [1.0, 2.0], "b": ["x", "y"]}


@pytest.mark.parametrize("value", [1, "x", None, True, 1.5])
def test_what_is_neither_an_object_nor_an_array_is_an_error_of_no_row(value: object) -> None:
    [(row, field, message)] = errors_of(value)
    assert (row, field) == (None, None)
    assert "an object (one row) or an array of objects (a batch) was expected" in str(message)


@pytest.mark.parametrize("row", [1, "xy", None, [1, 2], ["a", "b"]])
def test_what_is_no_row_is_named_by_its_index(row: object) -> None:
    [(index, field, message)] = errors_of([{"a": 1, "b": "x"}, row])
    assert (index, field) == (1, None)
    assert "an object was expected" in str(message)


def test_every_error_is_named_by_row_and_field() -> None:
    assert errors_of([{"a": "one", "b": 2}, {"a": 1, "b": "x"}, {"b": "x", "c": 0}]) == [
        (0, "a", "'one' is not a number"),
        (0, "b", "2 is not a string"),
        (2, "a", "the field is missing"),
        (2, "c", "the model has no such column"),
    ]


def test_unknown_fields_pass_where_the_schema_ignores_them() -> None:
    schema = Schema(AB.columns, Extra.IGNORE)
    assert ask({"a": 1, "b": "x", "c": [1]}, schema).columns == {"a": [1.0], "b": ["x"]}
    assert errors_of([{"a": 1, "c": 2}], schema) == [(0, "b", "the field is missing")]


def test_the_first_twenty_errors_are_listed_and_all_are_counted() -> None:
    with pytest.raises(RequestFaults) as caught:
        ask([{"a": "x", "c": 1}] * 50)
    assert len(caught.value.errors) == 20
    assert caught.value.total == 150
    assert "and 149 more" in str(caught.value)


def test_counting_the_errors_of_a_hundred_million_cells_takes_no_walk_over_them() -> None:
    wide = Schema(tuple(Column(f"c{position}") for position in range(10_000)))
    with pytest.raises(RequestFaults) as caught:
        ask([{}] * 10_000, wide, max_rows=10_000)
    assert caught.value.total == 100_000_000
    assert len(caught.value.errors) == 20


def test_too_many_rows_are_refused_before_they_are_read_in_every_form() -> None:
    forms: list[object] = [
        [{}] * 11,
        {"a": [1] * 11, "b": ["x"] * 11},
        {"columns": ["a", "b"], "data": [[1, "x"]] * 11},
        {"a": {str(label): 1 for label in range(11)}},
    ]
    for value in forms:
        with pytest.raises(TooManyRows, match="has 11 rows, at most 10"):
            ask(value, max_rows=10)


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1.0), (1.5, 1.5), ("-0.675304", -0.675304), (" 2 ", 2.0), ("1e3", 1e3)]
)
def test_a_number_may_be_written_as_a_string(value: object, number: float) -> None:
    decoded = one(value, Column("a"))
    assert decoded == number
    assert type(decoded) is float


@pytest.mark.parametrize("value", [None, "", "nan", "NaN", "  "])
def test_a_missing_number_is_nan_where_it_may_be_missing_and_else_an_error(value: object) -> None:
    for kind in (NUMBER, INTEGER):
        decoded = one(value, Column("a", kind, nullable=True))
        assert isinstance(decoded, float)
        assert math.isnan(decoded)
        assert "a value is required" in str(why(value, Column("a", kind)))


@pytest.mark.parametrize("value", [[], {"x": {}}, "abc", "1_0", "inf", "1e999", 10**400, "$5", "5%"])
def test_what_is_no_number_is_refused_by_a_number_column(value: object) -> None:
    [(row, field, message)] = errors_of([{"a": value}], Schema((Column("a", nullable=True),)))
    assert (row, field) == (0, "a")
    assert "is not a number" in str(message)


def test_formats_are_read_where_they_are_declared() -> None:
    assert one("($5,032.58)", Column("a", format=Format.CURRENCY)) == -5032.58
    assert one("62.59%", Column("a", format=Format.PERCENT)) == 62.59
    assert one(45.85, Column("a", format=Format.PERCENT)) == 45.85
    assert one("$7", Column("a", INTEGER, format=Format.CURRENCY)) == 7
    assert why("five", Column("a", format=Format.CURRENCY)) == "'five' is not a number or currency such as '$6,882.34'"


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), ("3", 3), (3.0, 3), ("3.0", 3), ("-9007199254740993", -9007199254740993), (2**63 - 1, 2**63 - 1)],
)
def test_an_integer_is_exact(value: object, number: int) -> None:
    decoded = one(value, Column("a", INTEGER))
    assert decoded == number
    assert type(decoded) is int


@pytest.mark.parametrize("value", [1.5, "1.5", 2**63, -(2**63) - 1, 1e300, "x", str(2**64)])
def test_what_is_no_integer_of_64_bits_is_refused_by_an_integer_column(value: object) -> None:
    message = str(why(value, Column("a", INTEGER)))
    assert "integer" in message or "is not a number" in message or "too large" in message


@pytest.mark.parametrize("value", [1, 0, "true", 1.0])
def test_only_true_and_false_are_booleans(value: object) -> None:
    assert one(True, Column("a", BOOLEAN)) is True
    assert one(None, Column("a", BOOLEAN, nullable=True)) is None
    assert "is not true or false" in str(why(value, Column("a", BOOLEAN)))


def test_a_string_column_takes_strings_only_and_as_they_are() -> None:
    assert one("nan", Column("a", STRING)) == "nan"
    assert one("", Column("a", STRING)) == ""
    assert one(None, Column("a", STRING, nullable=True)) is None
    assert why(5, Column("a", STRING)) == "5 is not a string"
    assert "a value is required" in str(why(None, Column("a", STRING)))


def test_a_date_is_a_string_and_reaches_the_model_as_one() -> None:
    day = Column("a", STRING, nullable=True, format=Format.DATE)
    assert one("2024-02-29", day) == "2024-02-29"
    assert one(None, day) is None
    assert "'2024-02-30' is not a date: a day of the calendar" in str(why("2024-02-30", day))
    assert "is not a date" in str(why("", day))
    assert "is not a date, a string such as '2024-02-29'" in str(why(20240229, day))


def test_a_closed_list_refuses_other_values_and_an_open_one_does_not() -> None:
    closed = Column("a", STRING, nullable=True, enum=("x", "y"))
    assert one("x", closed) == "x"
    assert one(None, closed) is None
    assert why("z", closed) == "'z' is not one of the values that this column takes, which are not public"
    assert why("z", replace(closed, public=True)) == "'z' is not one of 'x', 'y'"
    assert one("z", Column("a", STRING, categories=("x", "y"))) == "z"
    assert one("2", Column("a", enum=(1.0, 2.0))) == 2.0


def test_a_long_value_is_shown_by_its_beginning() -> None:
    assert len(str(why("x" * 10_000, Column("a")))) < 100
    assert len(str(errors_of({"a": 1, "b": "x", "c" * 10_000: 1})[0][1])) < 110


def test_the_split_form_is_a_batch() -> None:
    assert ask({"columns": ["b", "a"], "data": [["x", 1]], "index": [7]}) == Decoded(False, 1, {"a": [1.0], "b": ["x"]})


def test_columns_of_lists_are_a_batch_also_of_one_row() -> None:
    assert ask({"a": [1], "b": ["x"]}) == Decoded(False, 1, {"a": [1.0], "b": ["x"]})
    assert ask({"a": [1, "2"], "b": ["x", "y"]}) == Decoded(False, 2, {"a": [1.0, 2.0], "b": ["x", "y"]})
    assert ask({"a": [], "b": []}) == Decoded(False, 0, {"a": [], "b": []})


def test_columns_of_objects_are_aligned_by_their_labels() -> None:
    assert ask({"a": {"0": 1}, "b": {"0": "x"}}) == Decoded(False, 1, {"a": [1.0], "b": ["x"]})
    assert ask({"a": {"0": 1, "1": 2}, "b": {"1": "y", "0": "x"}}).columns == {"a": [1.0, 2.0], "b": ["x", "y"]}
    assert errors_of({"a": {"0": 1, "1": 2}, "b": {"1": "y"}}) == [(0, "b", "the field is missing")]


@pytest.mark.parametrize(
    ("value", "position"),
    [
        ({"columns": "ab", "data": []}, (None, "columns")),
        ({"columns": ["a", 1], "data": []}, (None, "columns")),
        ({"columns": ["a", "a"], "data": []}, (None, "columns")),
        ({"columns": ["a", "b"], "data": {}}, (None, "data")),
        ({"columns": ["a"], "data": []}, (None, "b")),
        ({"columns": ["a", "b", "c"], "data": []}, (None, "c")),
        ({"a": [], "c": []}, (None, "b")),
        ({"a": {}, "b": {}, "c": {}}, (None, "c")),
        ({"columns": ["a", "b"], "data": [[1, "x"], [1]]}, (1, None)),
        ({"columns": ["a", "b"], "data": [{"a": 1}]}, (0, None)),
        ({"columns": ["a"], "data": [[1]]}, (0, "b")),
        ({"a": [1, 2], "b": ["x"]}, (None, "b")),
        ({"a": [1], "b": {"0": "x"}}, (0, "a")),
        ({"a": [1], "b": "x"}, (0, "a")),
        ({}, (0, "a")),
    ],
)
def test_a_broken_column_form_is_an_error_with_its_row_and_field(
    value: object, position: tuple[object, object]
) -> None:
    assert errors_of(value)[0][:2] == position


@pytest.mark.parametrize("name", ["columns", "data", "index"])
def test_a_model_with_a_column_of_such_a_name_is_asked_by_rows(name: str) -> None:
    schema = Schema((Column(name, STRING), Column("b", STRING)))
    assert ask({name: "x", "b": "y"}, schema) == Decoded(True, 1, {name: ["x"], "b": ["y"]})
    with pytest.raises(RequestFaults):
        ask({"columns": [name, "b"], "data": [["x", "y"]]}, schema)


KINDS = [
    Schema((Column("a", kind, nullable=nullable, format=written), Column("")), extra)
    for kind, written in [
        (NUMBER, None),
        (NUMBER, Format.CURRENCY),
        (INTEGER, Format.PERCENT),
        (BOOLEAN, None),
        (STRING, None),
        (STRING, Format.DATE),
    ]
    for nullable in (False, True)
    for extra in Extra
]
NEAR = JSON | st.fixed_dictionaries({"a": JSON, "": JSON}) | st.fixed_dictionaries({"columns": JSON, "data": JSON})


@given(NEAR | st.lists(NEAR, max_size=5), st.sampled_from(KINDS))
def test_any_json_is_values_or_errors(value: object, schema: Schema) -> None:
    try:
        decoded = ask(value, schema, max_rows=3)
    except (RequestFaults, TooManyRows):
        return
    assert list(decoded.columns) == list(schema.by_name)
    assert {len(cells) for cells in decoded.columns.values()} == {decoded.rows}
    assert decoded.rows == 1 or not decoded.single


PLAIN = st.sampled_from(["nan", "NaN", "-nan", "+nan", "inf", "-Infinity", "1_0", "", " ", " 2 ", "-0", ".5", "1e999"])
CELLS = JSON | PLAIN | st.floats().map(repr) | st.integers(-(2**70), 2**70).map(str) | st.just(10**400)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6), st.sampled_from(KINDS))
def test_cells_of_many_rows_are_what_each_is_alone(cells: list[tuple[object, ...]], schema: Schema) -> None:
    column = schema.columns[0]
    names = ("a", "b", "c")
    alike = Schema(tuple(replace(column, name=name) for name in names), schema.extra)
    rows = [dict(zip(names, row, strict=True)) for row in cells]
    try:
        alone = {name: [column.parse(row[name]) for row in rows] for name in names}
    except BadCell:
        assert errors_of(rows, alike)
    else:
        assert repr(ask(rows, alike).columns).replace("-0.0", "0.0") == repr(alone).replace("-0.0", "0.0")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False).map(repr), min_size=1))
def test_a_number_written_as_a_string_is_rounded_as_python_rounds(strings: list[str]) -> None:
    assert ask([{"a": string} for string in strings], Schema((Column("a"),))).columns["a"] == [
        float(string) for string in strings
    ]
