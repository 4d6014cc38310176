"""Strings of 64 kB that are slow to parse: every parser of cells ends in time, in a process that can be killed."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from changeover.estimator import golden_rows
from changeover.exceptions import RequestFaults
from changeover.request.decode import decode
from changeover.request.fast_reader import FastReader
from changeover.schema.cell_parsers import BadCell, Case, ColumnType
from changeover.schema.column import Column
from changeover.schema.formats import Format
from changeover.schema.schema import Schema
from tests.conftest import PATIENCE
from tests.processes.predict_api import PredictApi
from tests.tiny_models import estimator, tiny
from tests.tree import ROOT
from tests.wire_stub import WireStub, running_stub

LONG = 65_536
SECONDS = 30 * PATIENCE  # all strings together take well under one second
HARD = {
    "an open bracket and blanks": "(" + " " * LONG + "x",
    "blanks": " " * LONG + "x",
    "other blanks": "\u2003" * LONG + "x",
    "a number and blanks": "1" + " " * LONG + "x",
    "a bracketed number and blanks": "(1" + " " * LONG + "x",
    "blanks around a currency": ("(" + " " * (LONG // 2)) + "$" + " " * (LONG // 2) + "x",
    "blanks before a per cent sign": "1" + " " * LONG + "%",
    "digits": "1" * LONG,
    "digits and a letter": "1" * LONG + "x",
    "zeros before a digit": "0" * LONG + "1",
    "signed zeros before a digit": "-" + "0" * LONG + "1",
    "places after the point": "0." + "1" * LONG,
    "an exponent": "1e" + "9" * LONG,
    "a negative exponent": "1e-" + "9" * LONG,
    "groups": "$" + "111," * (LONG // 4) + "111",
    "groups and a letter": "$" + "111," * (LONG // 4) + "x",
    "short groups": "$" + "1," * (LONG // 2),
    "points": "1." * (LONG // 2),
    "signs": "+-" * (LONG // 2),
    "signs and brackets": "(-" * (LONG // 2),
    "brackets": "(" * LONG + "1" + ")" * LONG,
    "currencies": "$" * LONG,
    "per cent signs": "%" * LONG,
    "digits and a per cent sign": "1" * LONG + "%",
    "underscores": "1_" * (LONG // 2),
    "nan again and again": "nan" * (LONG // 3),
    "digits of another script": "\u0663" * LONG,
    "letters that grow when folded": "\u0130" * LONG,
    "parts of dates": "2024-" * (LONG // 5),
    "control characters": "\x00\x1b" * (LONG // 2),
    "one character beyond the first plane": "\U0001f600" * LONG,
}
COLUMNS = {
    "number": Column("c"),
    "nullable number": Column("c", nullable=True),
    "integer": Column("c", ColumnType.INTEGER),
    "amount": Column("c", format=Format.CURRENCY),
    "whole amount": Column("c", ColumnType.INTEGER, format=Format.CURRENCY),
    "percentage": Column("c", format=Format.PERCENT),
    "date": Column("c", ColumnType.STRING, format=Format.DATE),
    "string": Column("c", ColumnType.STRING),
    "closed list": Column("c", ColumnType.STRING, enum=("a", "b")),
    "folded list": Column("c", ColumnType.STRING, enum=("a", "b"), case=Case.FOLD),
    "flag": Column("c", ColumnType.BOOLEAN),
}


def read_each_way(column: Column, text: str) -> None:
    """Read `text` with the parser, with the fast reader, and in each form of a body."""
    with contextlib.suppress(BadCell):
        column.parse(text)
    schema = Schema((column,))
    split = {"columns": ["c"], "data": [[text], [text]]}
    for value in ([{"c": text}, {"c": text}], split, {"c": [text, text]}, {"c": {"0": text, "1": text}}):
        FastReader(schema).read(json.dumps(value).encode())
    for body in ({"c": text}, [{"c": text}], {"c": [text]}, {"columns": ["c"], "data": [[text]]}):
        with contextlib.suppress(RequestFaults):
            decode(body, schema, 10)  # type: ignore[arg-type]


@pytest.mark.parametrize("column", COLUMNS)
def test_every_parser_finishes_every_hard_string_in_time(column: str) -> None:
    program = f"from tests.integration.test_hard_texts import *\nfor text in HARD.values(): read_each_way(COLUMNS[{column!r}], text)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=SECONDS, check=True)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    """A model with a whole number and an amount of money."""
    artifact, manifest = tiny(1)
    schema = Schema((Column("a", ColumnType.INTEGER), Column("b", format=Format.CURRENCY)))
    rows = golden_rows.record(estimator(1), schema, [{"a": 1, "b": "$2.50"}])
    folder: Path = tmp_path_factory.mktemp("predict")
    with running_stub() as stub:
        publish(stub, artifact, {**manifest, "schema": schema.to_json(), "golden": rows})
        with PredictApi(stub.url, folder, WORKERS="1") as api:
            yield api


def publish(stub: WireStub, artifact: bytes, manifest: dict) -> None:
    stub.roll("default", stub.publish("default", artifact, manifest))


@pytest.mark.parametrize(
    "digits",
    ["0" * 4300 + "1", "+" + "0" * 5000 + "7", "1" * 4301, "9" * 19, "-" + "9" * 300, "0" * 4300 + "9" * 20],
    ids=len,
)
def test_a_whole_number_of_more_digits_than_python_reads_is_read_or_is_no_fault_of_ours(
    api: PredictApi, digits: str
) -> None:
    for body in ({"a": digits, "b": 1}, [{"a": 1, "b": 1}, {"a": digits, "b": 1}]):
        answer = requests.post(f"{api.url}/predict", json=body, timeout=30)
        if digits.lstrip("+0") in {"1", "7"}:
            assert answer.status_code == 200
        else:
            [fault] = answer.json()["errors"]
            assert (answer.status_code, fault["field"]) == (422, "a")


@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
def test_a_hard_string_is_a_422_and_the_worker_survives(api: PredictApi, text: str) -> None:
    """Fault 65: the first of these strings once held a worker for hours."""
    answer = requests.post(f"{api.url}/predict", json={"a": 1, "b": text}, timeout=SECONDS)
    [fault] = answer.json()["errors"]
    assert (answer.status_code, fault["row"], fault["field"]) == (422, 0, "b")
    assert api.get("/livez").status_code == 200


def test_an_amount_is_read_up_to_64_characters(api: PredictApi) -> None:
    longest = "$" + " " * 57 + "123.45"
    assert len(longest) == 64
    for text, status in ((longest, 200), (f"  {longest}  ", 200), (longest + "6", 422), ("0." + "1" * 63, 422)):
        assert requests.post(f"{api.url}/predict", json={"a": 1, "b": text}, timeout=30).status_code == status
