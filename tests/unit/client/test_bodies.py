"""The JSON of what a data scientist passes to `Client.predict`."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from changeover.client.bodies import json_of
from changeover.exceptions import UnsendableValue

FRAME = pd.DataFrame(
    {
        "amount": [1.5, np.nan, -0.0],
        "count": pd.array([1, None, 2**53 + 1], dtype="Int64"),
        "owner": [True, False, True],
        "name": ["Zoë", None, pd.NA],
        "kind": pd.Categorical(["a", None, "b"]),
        "day": pd.to_datetime(["2024-01-01", "NaT", "2024-01-01T12:30:00.000000001"], format="ISO8601"),
        "zoned": pd.to_datetime(["2024-01-01", "NaT", "2024-07-01"]).tz_localize("Europe/Berlin"),
        "flag": pd.array([True, None, False], dtype="boolean"),
        "identifier": np.array([2**64 - 1, 0, 2**63], dtype="uint64"),
    },
    index=["x", "y", "z"],
)
ROWS = [
    {
        "amount": 1.5,
        "count": 1,
        "owner": True,
        "name": "Zoë",
        "kind": "a",
        "day": "2024-01-01T00:00:00",
        "zoned": "2024-01-01T00:00:00+01:00",
        "flag": True,
        "identifier": 2**64 - 1,
    },
    {
        "amount": None,
        "count": None,
        "owner": False,
        "name": None,
        "kind": None,
        "day": None,
        "zoned": None,
        "flag": None,
        "identifier": 0,
    },
    {
        "amount": -0.0,
        "count": 2**53 + 1,
        "owner": True,
        "name": None,
        "kind": "b",
        "day": "2024-01-01T12:30:00.000000001",
        "zoned": "2024-07-01T00:00:00+02:00",
        "flag": False,
        "identifier": 2**63,
    },
]


def sent(body: object) -> object:
    return json.loads(json_of(body))


def why(body: object) -> str:
    with pytest.raises(UnsendableValue) as caught:
        json_of(body)
    return str(caught.value)


def test_a_frame_is_a_batch_of_its_rows() -> None:
    assert sent(FRAME) == ROWS
    assert sent(FRAME.head(0)) == []
    assert sent(FRAME.head(1)) == ROWS[:1]


def test_a_series_is_one_row() -> None:
    assert sent(FRAME.iloc[2]) == ROWS[2]
    assert sent(FRAME.iloc[1]) == ROWS[1]


def test_columns_without_names_are_rows_as_arrays() -> None:
    array = np.array([[1.5, np.nan], [3, 4]], dtype="float32")
    assert sent(array) == sent(pd.DataFrame(array)) == [[1.5, None], [3, 4]]
    assert sent(pd.Series([1.5, np.nan])) == {"x0": 1.5, "x1": None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (float("nan"), None),
        (np.float64("nan"), None),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float16(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.int8(-7), -7),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        (np.array(7), 7),
        (2**53 + 1, 2**53 + 1),
        (Decimal("0.1"), 0.1),
        (Decimal(2**53 + 1), 2**53 + 1),
        (Decimal("3.00"), 3),
        (Decimal("NaN"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2024-01-01"), "2024-01-01T00:00:00"),
        (pd.Timestamp("2024-01-01 12:00", tz="UTC"), "2024-01-01T12:00:00+00:00"),
        (datetime(2024, 1, 1, 12, 30, tzinfo=UTC), "2024-01-01T12:30:00+00:00"),
        (datetime(2024, 1, 1), "2024-01-01T00:00:00"),  # noqa: DTZ001 without a zone, as frames have them
        (date(2024, 1, 1), "2024-01-01"),
        (time(12, 30), "12:30:00"),
        (np.datetime64("2024-01-01"), "2024-01-01"),
        (np.datetime64("2024-01-01T12:30", "ns"), "2024-01-01T12:30:00"),
        (np.datetime64("2024-01-01T12:30:00.000000001"), "2024-01-01T12:30:00.000000001"),
        (np.datetime64("NaT"), None),
    ],
    ids=lambda value: f"{type(value).__name__} {value}",
)
def test_a_value_is_sent_as_json_has_it(value: object, expected: object) -> None:
    for body in ({"a": value}, [{"a": 1}, {"a": value}], {"a": [1, value]}, {"columns": ["a"], "data": [[value]]}):
        text = json_of(body).decode()
        assert "NaN" not in text
        cells: object = json.loads(text)
        while isinstance(cells, dict | list):
            cells = list(cells.values())[-1] if isinstance(cells, dict) else cells[-1]
        assert (cells, type(cells)) == (expected, type(expected))


def test_columns_may_be_arrays_series_and_labelled() -> None:
    assert sent({"a": np.array([1, 2]), "b": pd.Series(["x", None]), "c": (1, 2)}) == {
        "a": [1, 2],
        "b": ["x", None],
        "c": [1, 2],
    }
    assert sent(pd.DataFrame({"a": [1.5, np.nan]}).to_dict()) == {"a": {"0": 1.5, "1": None}}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"a": float("inf")}, "row 0, column 'a': infinity"),
        ([{"a": 1}, {"a": -np.inf}], "row 1, column 'a': infinity"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [0.5, np.inf]}), "row 1, column 'b': infinity"),
        (np.array([[1.0, np.inf]]), "row 0, column 1: infinity"),
        ({"columns": ["a"], "data": [[1], [np.inf]]}, "row 1, column 0: infinity"),
        ({"a": [1, Decimal("Infinity")]}, "row 1, column 'a': infinity"),
        ({"a": b"x"}, "row 0, column 'a': bytes cannot be sent as JSON: decode them to a string"),
        ([{"a": bytearray(b"x")}], "decode them to a string"),
        ({"a": np.bytes_(b"x")}, "decode them to a string"),
        ({"a": timedelta(1)}, "a timedelta cannot be sent as JSON: send a number, a string or a boolean"),
        ({"a": np.timedelta64(1, "s")}, "a timedelta64 cannot be sent as JSON"),
        ({"a": 1j}, "a complex cannot be sent as JSON"),
        ({"a": 10**400}, "an integer of more than"),
        ({"a": Decimal("1e400")}, "beyond a double"),
        ({7: 1}, "the name 7 is an int: columns have strings as names"),
        (pd.DataFrame([[1, 2]], columns=["a", 7]), "the name 7 is an int"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the name 'a' stands there twice"),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])), "is a tuple"),
        (pd.Series([1], index=[7]), "the name 7 is an int"),
        (np.array([1, 2]), "reshape(1, -1)"),
        (np.zeros((1, 1, 1)), "3 dimensions"),
        (b"{}", "bytes cannot be sent as JSON"),
        (object(), "an object cannot be sent as JSON"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_what_json_cannot_say_is_named_with_its_row_and_column(body: object, words: str) -> None:
    assert words in why(body)


def test_a_plain_body_needs_neither_pandas_nor_numpy() -> None:
    code = (
        "import sys, changeover, datetime, decimal\n"
        "from changeover.client.bodies import json_of\n"
        "assert json_of([{'a': 1, 'b': float('nan'), 'c': decimal.Decimal(2), 'd': datetime.date(2024, 1, 1)}])\n"
        "assert not {'pandas', 'numpy'} & set(sys.modules), 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
