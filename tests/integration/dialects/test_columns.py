"""`/predict` by CSV and Arrow, in and out, and compressed by gzip: the answers are those to JSON."""

import csv
import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import requests

from predict_api.exceptions import NotAcceptable, UnsupportedBody
from predict_api.prediction.forms import reader_of, renderer_of
from tests.integration.dialects.conftest import MOST_BYTES, MOST_ROWS
from tests.integration.dialects.models import R1, R2
from tests.processes.predict_api import PredictApi

CSV, ARROW, JSON = "text/csv", "application/vnd.apache.arrow.stream", "application/json"
PATHS = ("/predict", "/models/churn/predict")
ROWS = [R1, R2, {**R1, "income": None}]
AS_CSV = b"plan,age,member,income\ngold,40,True,52000.5\nbasic,25,false,30000\ngold,40,TRUE,\n"


def send(api: PredictApi, body: bytes, kind: str, path: str = "/predict", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{api.url}{path}", data=body, headers={"Content-Type": kind, **named}, timeout=30)


def stream(columns: dict[str, Any], batch_rows: int = 2) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    return sink.getvalue().to_pybytes()


def as_arrow(**changes: Any) -> bytes:
    columns = {
        "plan": pa.array([row["plan"] for row in ROWS]).dictionary_encode(),
        "age": pa.array([row["age"] for row in ROWS], pa.int8()),
        "member": pa.array([row["member"] for row in ROWS]),
        "income": pa.array([row["income"] for row in ROWS], pa.float64()),
    }
    return stream({**columns, **changes})


@pytest.fixture(scope="module")
def answer(api: PredictApi) -> dict[str, Any]:
    """The answer to the rows as JSON."""
    body: dict[str, Any] = api.predict(ROWS).json()
    assert [row["prediction"] for row in body["predictions"]] == ["yes", "no", "yes"]
    return body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (CSV, AS_CSV),
        ("text/csv; charset=utf-8", b"\xef\xbb\xbf" + AS_CSV.replace(b"\n", b"\r\n")),
        ("text/csv; header=absent", b"40,52000.5,gold,True\n25,30000.0,basic,False\n40,,gold,True\n"),
        (ARROW, as_arrow()),
    ],
)
def test_rows_in_columns_are_answered_as_those_in_json(
    api: PredictApi, answer: dict[str, Any], path: str, kind: str, body: bytes
) -> None:
    response = send(api, body, kind, path)
    assert (response.status_code, response.headers["Content-Type"]) == (200, JSON)
    assert response.json() == answer


def test_an_answer_in_csv_has_a_column_for_each_class(api: PredictApi, answer: dict[str, Any]) -> None:
    for body, kind in ((json.dumps(ROWS).encode(), JSON), (AS_CSV, CSV)):
        response = send(api, body, kind, Accept="text/csv, application/json;q=0.5")
        assert (response.status_code, response.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert response.headers["Model-Version"] == answer["model_version"]
        rows = list(csv.DictReader(io.StringIO(response.text)))
        assert [row["prediction"] for row in rows] == ["yes", "no", "yes"]
        numbers = [[float(row["predict_proba_no"]), float(row["predict_proba_yes"])] for row in rows]
        assert numbers == [row["predict_proba"] for row in answer["predictions"]]


def test_an_answer_in_arrow_names_its_version_in_the_schema(api: PredictApi, answer: dict[str, Any]) -> None:
    response = send(api, as_arrow(), ARROW, Accept=ARROW)
    assert (response.status_code, response.headers["Content-Type"]) == (200, ARROW)
    table = pa.ipc.open_stream(response.content).read_all()
    table.validate(full=True)
    assert table.schema.metadata == {b"model": b"churn", b"model_version": answer["model_version"].encode()}
    assert table.column_names == ["prediction", "predict_proba_no", "predict_proba_yes"]
    assert table["prediction"].to_pylist() == ["yes", "no", "yes"]
    both = zip(table["predict_proba_no"].to_pylist(), table["predict_proba_yes"].to_pylist(), strict=True)
    assert list(map(list, both)) == [row["predict_proba"] for row in answer["predictions"]]


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, as_arrow()), (422, as_arrow(size=pa.array([1] * len(ROWS)))), (400, b""), (413, bytes(MOST_BYTES + 1))],
    ids=lambda part: str(part)[:20],
)
def test_both_ways_to_an_answer_in_arrow_give_the_same(api: PredictApi, status: int, body: bytes) -> None:
    """Flask answers where there is a query, even one without a meaning."""
    fast, flask = (send(api, body, ARROW, path, Accept=ARROW, X_Request_Id="1") for path in ("/predict", "/predict?a"))
    assert fast.status_code == status
    assert (fast.status_code, fast.content) == (flask.status_code, flask.content)
    own, other = ({**answer.headers, "date": ""} for answer in (fast, flask))
    assert own == other


def test_answers_without_rows_have_their_columns(api: PredictApi) -> None:
    header = AS_CSV.splitlines(keepends=True)[0]
    assert send(api, header, CSV).json()["predictions"] == []
    assert send(api, header, CSV, Accept=CSV).text == "prediction,predict_proba_no,predict_proba_yes\n"
    table = pa.ipc.open_stream(send(api, header, CSV, Accept=ARROW).content).read_all()
    assert (table.num_rows, table.num_columns) == (0, 3)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/*", "TEXT/CSV;q=0", ""])
def test_an_answer_is_json_unless_another_type_is_preferred(api: PredictApi, accept: str) -> None:
    response = send(api, json.dumps(R1).encode(), JSON, Accept=accept)
    assert (response.status_code, response.headers["Content-Type"]) == (200, JSON)


@pytest.mark.parametrize(
    ("kind", "body", "row", "field"),
    [
        (CSV, AS_CSV.replace(b"25", b"many"), 1, "age"),
        (CSV, AS_CSV.replace(b"false", b"no"), 1, "member"),
        (CSV, AS_CSV.replace(b"basic", b""), 1, "plan"),
        (CSV, AS_CSV.replace(b"30000", b"1e999"), 1, "income"),
        (CSV, AS_CSV.replace(b"30000", b"1e39"), 1, "income"),
        (CSV, AS_CSV.replace(b"age", b"Age"), None, "age"),
        (CSV, AS_CSV + b"gold,1\n", 3, None),
        (ARROW, as_arrow(age=pa.array(["1", "many", "3"])), 1, "age"),
        (ARROW, as_arrow(income=pa.array([1, np.inf, 3])), 1, "income"),
        (ARROW, as_arrow(income=pa.array([1, 1e39, 3])), 1, "income"),
        (ARROW, as_arrow(plan=pa.array([1, 2, 3])), 0, "plan"),
        (ARROW, as_arrow(plan=pa.array(["gold", None, "gold"])), 1, "plan"),
        (ARROW, as_arrow(member=pa.array([1, 0, 1])), 0, "member"),
        (ARROW, as_arrow(member=pa.array([[True]] * 3)), None, "member"),
        (ARROW, as_arrow(other=pa.array([1, 2, 3])), None, "other"),
    ],
)
def test_what_does_not_fit_is_named_by_row_and_column(
    api: PredictApi, kind: str, body: bytes, row: int | None, field: str | None
) -> None:
    response = send(api, body, kind)
    assert response.status_code == 422, response.text
    assert (response.json()["errors"][0]["row"], response.json()["errors"][0]["field"]) == (row, field)


@pytest.mark.parametrize(
    ("status", "problem", "kind", "body", "headers"),
    [
        (400, "not-csv", CSV, b"", {}),
        (400, "not-csv", CSV, b'plan\n"open', {}),
        (400, "not-arrow", ARROW, b"", {}),
        (400, "not-arrow", ARROW, as_arrow()[:-300], {}),
        (400, "unknown-option", CSV, AS_CSV, {"Accept": CSV}),
        (413, "body-too-large", ARROW, stream({"age": pa.array(np.zeros(1000)), "x": ["y" * 200] * 1000}, 1000), {}),
        (415, "unsupported-body", "text/csv; charset=latin-1", AS_CSV, {}),
        (422, "too-many-rows", CSV, b"age\n" + b"1\n" * (MOST_ROWS + 1), {}),
        (422, "too-many-rows", ARROW, stream({"age": pa.array(np.zeros(MOST_ROWS + 1))}, 500), {}),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    api: PredictApi, status: int, problem: str, kind: str, body: bytes, headers: dict[str, str]
) -> None:
    response = send(api, body, kind, "/predict?include=inputs", **headers)
    assert (response.status_code, response.json()["type"]) == (status, f"urn:changeover:{problem}")


def test_gzip_is_unpacked_up_to_the_largest_body(api: PredictApi, answer: dict[str, Any]) -> None:
    for body, kind in ((json.dumps(ROWS).encode(), JSON), (AS_CSV, CSV), (as_arrow(), ARROW)):
        assert send(api, gzip.compress(body), kind, Content_Encoding="gzip").json() == answer
    rows = json.dumps(ROWS).encode()
    padded = rows + b" " * (MOST_BYTES - len(rows))
    assert send(api, gzip.compress(padded), JSON, Content_Encoding="gzip").json() == answer
    assert send(api, gzip.compress(padded + b" "), JSON, Content_Encoding="gzip").status_code == 413
    broken = send(api, gzip.compress(rows)[:-4], JSON, Content_Encoding="gzip")
    assert (broken.status_code, broken.json()["type"]) == (400, "urn:changeover:broken-gzip")
    assert send(api, rows, JSON, Content_Encoding="br").status_code == 415


def test_a_type_without_its_library_is_refused_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    with pytest.raises(UnsupportedBody, match=r"changeover\[arrow\]"):
        reader_of(ARROW, {})
    with pytest.raises(NotAcceptable, match=r"changeover\[arrow\]"):
        renderer_of(ARROW)


def test_no_process_that_listens_imports_pandas(api: PredictApi) -> None:
    assert send(api, as_arrow(), ARROW, Accept=ARROW).status_code == 200
    maps = [Path(f"/proc/{worker.pid}/maps").read_text(encoding="utf-8") for worker in api.workers()]
    assert any("/pyarrow/" in text for text in maps)
    assert not any("/pandas/" in text for text in maps)
