"""The schema as data: written, read back, and refused if it contradicts itself."""

import pytest

from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import BadCell, ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Extra, Schema, attach, attached

FULL = Schema(
    (
        Column("a", nullable=True, format=Format.CURRENCY, description="in dollars"),
        Column("b", ColumnType.STRING, enum=("x", "y")),
        Column("c", ColumnType.STRING, nullable=True, categories=("u",)),
        Column("d", ColumnType.INTEGER, public=True),
        Column("e", ColumnType.BOOLEAN),
        Column("f", unit="EUR", range=(-1.5, 3), missing_seen=True),
        Column("g", ColumnType.STRING, format=Format.DATE, range=("2020-01-01", "2024-02-29"), missing_seen=False),
    ),
    Extra.IGNORE,
)


def test_a_schema_is_read_back_as_it_was_written() -> None:
    read = Schema.from_json(FULL.to_json(), strict=True)
    assert read == FULL
    assert repr(read) == repr(FULL)  # including the values that were seen in training


def test_the_json_of_a_column_has_its_range_its_unit_and_missing_values() -> None:
    assert FULL.by_name["f"].to_json() == {
        "name": "f", "type": "number", "nullable": False, "unit": "EUR", "range": [-1.5, 3], "missing_seen": True
    }  # fmt: skip


def test_what_was_seen_in_training_makes_no_other_schema() -> None:
    assert Column("a", range=(0, 1), missing_seen=True) == Column("a", range=(5, 6))
    assert Column("a", unit="EUR") != Column("a", unit="USD")


def test_columns_are_made_public_by_name_or_all_together() -> None:
    schema = Schema((Column("a"), Column("b"), Column("c", public=True)))
    assert [column.public for column in schema.with_public(["b"]).columns] == [False, True, True]
    assert [column.public for column in schema.with_public(True).columns] == [True] * 3
    assert [column.public for column in schema.with_public(()).columns] == [False, False, True]
    with pytest.raises(InvalidSchema, match=r"\['x'\]"):
        schema.with_public(["a", "x"])


def test_a_public_list_makes_no_private_one_of_the_same_values_public() -> None:
    public, private = (Column("a", ColumnType.STRING, enum=("x",), public=public) for public in (True, False))
    with pytest.raises(BadCell, match="not one of 'x'"):
        public.parse("y")
    with pytest.raises(BadCell, match="which are not public"):
        private.parse("y")


def test_a_range_binds_no_request() -> None:
    assert Column("a", range=(0, 1)).parse(7) == 7.0


# the keywords of JSON Schema 2020-12 that a column uses, with the types of their values
KEYWORDS = {"type": str, "enum": list, "format": str, "description": str}
OURS = {"name", "nullable", "categories", "case", "unit", "range", "missing_seen", "public"}


def test_columns_are_json_schema_that_any_reader_takes() -> None:
    for column in FULL.columns:
        for member, value in column.to_json().items():
            assert isinstance(value, KEYWORDS[member]) if member in KEYWORDS else member in OURS


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, "schema: expected `object`, got `null`"),
        ([], "schema: expected `object`, got `array`"),
        ({}, "schema: object missing required field `columns`"),
        ({"columns": {}}, r"schema\.columns: expected `array`, got `object`"),
        ({"columns": []}, "at least one column"),
        ({"columns": [1]}, "column: expected `object`, got `int`"),
        ({"columns": [{}]}, "column: object missing required field `name`"),
        ({"columns": [{"name": 1}]}, r"column\.name: expected `str`, got `int`"),
        ({"columns": [{"name": "a"}, {"name": "a"}]}, "two columns 'a'"),
        (
            {"columns": [{"name": "a", "type": "float"}]},
            r"column 'a'\.type: 'float' is not one of 'number', 'integer', 'boolean', 'string'",
        ),
        ({"columns": [{"name": "a", "type": 1}]}, r"column 'a'\.type: expected `str`, got `int`"),
        ({"columns": [{"name": "a", "type": None}]}, r"column 'a'\.type: expected `str`, got `null`"),
        ({"columns": [{"name": "a", "nullable": 1}]}, r"column 'a'\.nullable: expected `bool`, got `int`"),
        (
            {"columns": [{"name": "a", "format": "euro"}]},
            r"column 'a'\.format: 'euro' is not one of 'currency', 'percent'",
        ),
        ({"columns": [{"name": "a", "type": "string", "format": "percent"}]}, "only number and integer"),
        ({"columns": [{"name": "a", "format": "date"}]}, "only string columns"),
        ({"columns": [{"name": "a", "unit": 5}]}, r"column 'a'\.unit: expected `str`, got `int`"),
        (
            {"columns": [{"name": "a", "missing_seen": "no"}]},
            r"column 'a'\.missing_seen: expected `bool . null`, got `str`",
        ),
        ({"columns": [{"name": "a", "public": "yes"}]}, r"column 'a'\.public: expected `bool`, got `str`"),
        ({"columns": [{"name": "a", "range": 5}]}, r"column 'a'\.range: expected `array . null`, got `int`"),
        ({"columns": [{"name": "a", "range": [1]}]}, r"column 'a'\.range: expected `array` of length 2, got 1"),
        ({"columns": [{"name": "a", "range": [2, 1]}]}, "ends before it begins"),
        ({"columns": [{"name": "a", "range": ["a", "b"]}]}, "what is no number"),
        ({"columns": [{"name": "a", "type": "string", "range": ["a", "b"]}]}, "only numbers, dates and times"),
        ({"columns": [{"name": "a", "enum": []}]}, "empty enum"),
        ({"columns": [{"name": "a", "enum": "x"}]}, r"column 'a'\.enum: expected `array . null`, got `str`"),
        ({"columns": [{"name": "a", "enum": [[1]]}]}, r"column 'a'\.enum\[0\]: expected"),
        ({"columns": [{"name": "a", "range": [None, 1]}]}, "a range of what is no number"),
        ({"columns": [{"name": "a", "enum": ["x"]}]}, "lists 'x', which is no number"),
        ({"columns": [{"name": "a", "type": "integer", "enum": [1.5]}]}, "lists 1.5, which is no integer"),
        ({"columns": [{"name": "a", "enum": [True]}]}, "lists true"),
        ({"columns": [{"name": "a", "categories": [None]}]}, "lists null"),
        ({"columns": [{"name": "a", "description": 5}]}, r"column 'a'\.description: expected `str`, got `int`"),
        ({"columns": [{"name": "a"}], "extra": "drop"}, r"schema\.extra: 'drop' is not one of 'forbid', 'ignore'"),
    ],
)
def test_what_is_no_schema_is_refused_with_the_reason(body: object, why: str) -> None:
    with pytest.raises(InvalidSchema, match=why):
        Schema.from_json(body)


@pytest.mark.parametrize("body", [{"columns": [{"name": "a", "nulable": True}]}, {"columns": [{"name": "a"}], "x": 1}])
def test_an_unknown_member_is_refused_from_publishers_and_ignored_from_later_releases(body: object) -> None:
    with pytest.raises(InvalidSchema, match="unknown members"):
        Schema.from_json(body, strict=True)
    assert Schema.from_json(body) == Schema((Column("a"),))


class Model:
    """Anything that takes attributes."""


def test_a_schema_travels_on_the_estimator_as_plain_builtins() -> None:
    model = Model()
    attach(model, FULL)
    assert vars(model) == {"changeover_schema_": FULL.to_json()}
    assert attached(model) == FULL


def test_an_estimator_without_a_schema_has_none() -> None:
    assert attached(Model()) is None


def test_a_schema_cannot_be_attached_to_what_takes_no_attributes() -> None:
    with pytest.raises(InvalidSchema, match="publish the schema in the manifest"):
        attach(object(), FULL)
