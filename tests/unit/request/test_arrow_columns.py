"""Arrow bodies: each type of cell, missing values, batches, and the bounds on rows and on what they unpack to."""

import datetime as dt
import random
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from changeover.exceptions import ChangeoverError, NotArrow, RequestFaults, TooManyRows, UnpacksTooFar
from changeover.request.arrow_columns import read_arrow
from changeover.request.columns import TypedColumns
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("n", nullable=True),
        Column("i", ColumnType.INTEGER, nullable=True),
        Column("b", ColumnType.BOOLEAN, nullable=True),
        Column("s", ColumnType.STRING, nullable=True),
        Column("day", ColumnType.STRING, nullable=True, format=Format.DATE),
        Column("time", ColumnType.STRING, nullable=True, format=Format.DATE_TIME),
    )
)
DAY = dt.date(2024, 2, 29)
MIDNIGHT, NOON = np.datetime64("2024-02-29", "ms"), np.datetime64("2024-02-29T12:00:00.000500")
DEEP = 8_000_000  # bytes that a body may have


def stream(*batches: pa.RecordBatch, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def read(body: bytes, max_rows: int = 10_000, max_bytes: int = DEEP) -> dict[str, list[object]]:
    return {name: cells.tolist() for name, cells in read_arrow(body, SCHEMA, max_rows, max_bytes).items()}


def one(name: str, array: pa.Array) -> bytes:
    return stream(pa.RecordBatch.from_arrays([array], names=[name]))


@pytest.mark.parametrize(
    ("name", "array", "cells"),
    [
        ("n", pa.array([1.5, -2.0]), [1.5, -2.0]),
        ("n", pa.array([0.1], pa.float32()), [float(np.float32(0.1))]),
        ("n", pa.array([1.5], pa.float16()), [1.5]),
        ("n", pa.array([Decimal("1.25")]), [1.25]),
        ("n", pa.array(["1.5", None]), ["1.5", None]),
        *[("i", pa.array([3, 100], kind()), [3, 100]) for kind in (pa.int8, pa.uint8, pa.int32, pa.int64, pa.uint64)],
        ("i", pa.array([2**63 + 1], pa.uint64()), [2**63 + 1]),
        ("i", pa.array([2**60 + 1, None]), [2**60 + 1, None]),
        ("i", pa.array([7, 8, 7, None, 8]).dictionary_encode().slice(0, 3), [7, 8, 7]),
        ("b", pa.array([True, False, None]), [True, False, None]),
        ("b", pa.array([True] * 9 + [False]).slice(8), [True, False]),
        ("s", pa.array(["a", None, "", "a", "é"]), ["a", None, "", "a", "é"]),
        ("s", pa.array(["a", None, "b"], pa.large_string()).slice(1), [None, "b"]),
        ("s", pa.array(["a", None, "longer than twelve"], pa.string_view()), ["a", None, "longer than twelve"]),
        ("s", pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
        ("s", pa.DictionaryArray.from_arrays([0, 1, None], ["x", None]), ["x", None, None]),
        ("s", pa.DictionaryArray.from_arrays(pa.array([None], pa.int8()), pa.array([], pa.string())), [None]),
        ("s", pa.nulls(2), [None, None]),
        ("s", pa.array([None, None], pa.string()), [None, None]),
        ("day", pa.array([DAY, None]), ["2024-02-29", None]),
        ("day", pa.array([DAY], pa.date64()), ["2024-02-29"]),
        ("day", pa.array([MIDNIGHT]), ["2024-02-29"]),
        ("day", pa.array([NOON]), ["2024-02-29T12:00:00.000500"]),
        ("time", pa.array([NOON, np.datetime64("NaT", "us")]), ["2024-02-29T12:00:00.000500", None]),
        ("time", pa.array([DAY]), ["2024-02-29"]),
        ("time", pa.array([0], pa.timestamp("s", "Europe/Rome")), ["1970-01-01T00:00:00Z"]),
    ],
    ids=lambda part: str(getattr(part, "type", "")),
)
def test_each_type_gives_its_cells(name: str, array: pa.Array, cells: list[object]) -> None:
    assert read(one(name, array)) == {name: cells}


@pytest.mark.parametrize("array", [pa.array([1.5, None]), pa.array([1, None]), pa.array([1.5, float("nan")])])
def test_a_missing_number_is_nan_and_the_array_stays_one_of_numbers(array: pa.Array) -> None:
    cells = read_arrow(one("n", array), SCHEMA, 2, DEEP)["n"]
    assert cells.dtype == np.float64
    assert np.isnan(cells).tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("i", pa.array([1, 2**63], pa.uint64()), "does not fit into 64 bits"),
        ("i", pa.array([1, 2.5]), "2.5 is not an integer"),
        ("i", pa.array([1.0, np.inf]), "an infinite number"),
        ("n", pa.array([1, 1e39]), "the number is too large"),
        ("b", pa.array([None, "true"]), "'true' is not true or false"),
        ("s", pa.array([None, 1]), "1 is not a string"),
        ("day", pa.array([None, NOON]), "is not a date"),
        ("time", pa.array([0, 1], pa.timestamp("s", "UTC")), "takes no offset"),
    ],
)
def test_cells_are_checked_as_those_of_json(name: str, array: pa.Array, message: str) -> None:
    columns = {other: pa.nulls(len(array)) for other in SCHEMA.by_name} | {name: array}
    sent = read_arrow(stream(pa.RecordBatch.from_pydict(columns)), SCHEMA, 5, DEEP)
    with pytest.raises(RequestFaults, match=message) as caught:
        RequestReader(SCHEMA).read_columns(sent, 5)
    assert caught.value.errors[-1]["row"] == 1


def test_whole_columns_are_checked_as_arrays() -> None:
    columns = {
        "n": pa.array([1.5, None]),
        "i": pa.array([1, None]),
        "b": pa.array([True, False]),
        "s": pa.array(["a", None]),
    }
    days = {"day": pa.array(["2024-02-29", None]), "time": pa.array([NOON, NOON])}
    sent = read_arrow(stream(pa.RecordBatch.from_pydict(columns | days)), SCHEMA, 5, DEEP)
    assert isinstance(RequestReader(SCHEMA).read_columns(sent, 5), TypedColumns)


@pytest.mark.parametrize("times", [[2**62], [-(2**63)]])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_time_beyond_the_calendar_is_no_crash(unit: str, times: list[int]) -> None:
    (cell,) = read(one("time", pa.array(times, pa.timestamp(unit))))["time"]
    assert isinstance(cell, str)


def test_batches_are_joined_whatever_their_dictionaries() -> None:
    parts = [pa.array(["a", "b"]), pa.array(["c", None]), pa.array([], pa.string()), pa.array(["b"])]
    batches = [pa.RecordBatch.from_arrays([part.dictionary_encode()], names=["s"]) for part in parts]
    assert read(stream(*batches)) == {"s": ["a", "b", "c", None, "b"]}
    assert read(stream(batches[2])) == {"s": []}


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_compressed_buffers_are_read_up_to_the_cap(codec: str) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(np.zeros(10_000))], names=["n"])
    body = stream(batch, compression=codec)
    assert len(body) < 5000
    assert len(read(body, max_bytes=80_000)["n"]) == 10_000
    with pytest.raises(UnpacksTooFar, match="more than 79999 bytes"):
        read(body, max_bytes=79_999)


def bomb() -> bytes:
    """A dictionary of one long string, to which each row points."""
    return one("s", pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int8()), ["x" * 10_000]))


def views() -> bytes:
    """Many strings that are views of the same bytes."""
    ends = np.zeros((10_000, 4), dtype=np.int32)
    ends[:, 0], ends[:, 3] = 10_000, np.arange(10_000)
    ends[:, 1] = int.from_bytes(b"xxxx", "little")
    texts = [None, pa.py_buffer(ends), pa.py_buffer(b"x" * 20_000)]
    return one("s", pa.Array.from_buffers(pa.string_view(), 10_000, texts))


def shared_dictionary() -> bytes:
    """A dictionary that each batch would have to look through again."""
    texts = pa.array([f"{number:07}" for number in range(100_000)])
    part = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), texts)
    return stream(*[pa.RecordBatch.from_arrays([part], names=["s"])] * 20)


@pytest.mark.parametrize("body", [bomb, views, shared_dictionary])
def test_strings_that_share_their_bytes_are_counted_each(body: Callable[[], bytes]) -> None:
    with pytest.raises(UnpacksTooFar):
        read(body())


def test_rows_and_batches_are_bounded() -> None:
    rows = [pa.RecordBatch.from_arrays([pa.array([1.0] * 3)], names=["n"])] * 2
    with pytest.raises(TooManyRows, match="has 6 rows, at most 5"):
        read(stream(*rows), max_rows=5)
    with pytest.raises(TooManyRows, match=f"has {2**31 - 1} rows"):
        read(one("s", pa.Array.from_buffers(pa.null(), 2**31 - 1, [None])))
    with pytest.raises(NotArrow, match="more than 1000 record batches"):
        read(stream(*[rows[0].slice(0, 0)] * 1001))


def test_a_delta_of_a_dictionary_is_refused() -> None:
    parts = [pa.DictionaryArray.from_arrays([0], ["a"]), pa.DictionaryArray.from_arrays([1], ["a", "b"])]
    batches = [pa.RecordBatch.from_arrays([part], names=["s"]) for part in parts]
    with pytest.raises(NotArrow, match="delta of a dictionary"):
        read(stream(*batches, emit_dictionary_deltas=True))


def test_a_stream_of_an_old_release_is_refused() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1.0])], names=["n"])
    with pytest.raises(NotArrow, match=r"before 1\.0"):
        read(stream(batch, metadata_version=pa.ipc.MetadataVersion.V4))


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([b"a"]),
        pa.array([dt.time(1)]),
        pa.array([dt.timedelta(1)]),
        pa.array([b"a"]).dictionary_encode(),
        pa.DictionaryArray.from_arrays([0], pa.nulls(1)),
        pa.RunEndEncodedArray.from_arrays([1], [1.0]),
    ],
    ids=lambda array: str(array.type)[:20],
)
def test_a_type_that_no_column_takes_is_named(array: pa.Array) -> None:
    with pytest.raises(RequestFaults) as caught:
        read(one("n", array))
    (error,) = caught.value.errors
    assert error["field"] == "n"
    assert "is not taken: send numbers" in str(error["message"])


def test_names_that_are_there_twice_are_refused_and_an_index_of_pandas_is_ignored() -> None:
    array = pa.array([1.0])
    with pytest.raises(RequestFaults, match="field n: the column is there twice"):
        read(stream(pa.RecordBatch.from_arrays([array, array], names=["n", "n"])))
    both = pa.RecordBatch.from_arrays([array, pa.array([[7]]), array], names=["n", "__index_level_0__", "other"])
    assert read(stream(both)) == {"n": [1.0], "other": [False]}


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xff\xff\xff", b"\xff" * 64, b"ARROW1\0\0"])
def test_what_is_no_stream_is_refused(body: bytes) -> None:
    with pytest.raises(NotArrow):
        read(body)


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_a_stream_with_any_bytes_changed_is_read_or_refused(compression: str | None) -> None:
    columns = {
        "n": pa.array([1.0, None] * 8),
        "i": pa.array(range(16)),
        "b": pa.array([True, None] * 8),
        "s": pa.array(["a", "bc", None, "a"] * 4).dictionary_encode(),
        "day": pa.array([DAY, None] * 8),
        "time": pa.array(["2024-02-29", ""] * 8),
    }
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    whole = stream(batch, batch, compression=compression)
    draw = random.Random(7)
    outcomes = set()
    for _ in range(500):
        body = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            body[draw.randrange(len(body))] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))
        try:
            read(bytes(body[: draw.choice((len(body), draw.randrange(len(body))))]))
            outcomes.add("read")
        except ChangeoverError as error:
            outcomes.add(type(error).__name__)
    assert outcomes >= {"read", "NotArrow"}


def test_pandas_is_not_imported() -> None:
    body = one("s", pa.array(["a", None])).hex()
    program = f"""
import sys
from changeover.request.arrow_columns import read_arrow
from changeover.schema.schema import Column, Schema
read_arrow(bytes.fromhex("{body}"), Schema((Column("s", type="string", nullable=True),)), 5, 5000)
sys.exit("pandas" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
