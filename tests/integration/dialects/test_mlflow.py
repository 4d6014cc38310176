"""MLflow's scoring protocol over HTTP: the requests that its clients make, and what they read. M1 to M14."""

import json
from typing import Any

import pytest
import requests

from tests.integration.dialects.models import R1, R2
from tests.processes.predict_api import PredictApi

SPLIT: dict[str, Any] = {"columns": [*R1], "index": [0, 1], "data": [[*R1.values()], [*R2.values()]]}
COLUMNS = {name: [R1[name], R2[name]] for name in R1}
CSV = "age,income,plan,member\n40,52000.5,gold,True\n25,30000,basic,False\n"
BOTH = ["yes", "no"]


def invoke(api: PredictApi, body: object, kind: str | None = "application/json", **headers: str) -> requests.Response:
    content = body if isinstance(body, str) else json.dumps(body)
    sent = {**headers, **({} if kind is None else {"Content-Type": kind})}
    return requests.post(f"{api.url}/invocations", data=content.encode(), headers=sent, timeout=30)


@pytest.mark.parametrize(
    ("body", "predictions"),
    [
        ({"dataframe_split": SPLIT}, BOTH),
        ({"dataframe_split": {"data": SPLIT["data"]}}, BOTH),
        ({"input_data": SPLIT}, BOTH),
        ({"dataframe_records": [R1, dict(reversed(R2.items()))]}, BOTH),
        ({"instances": [R1]}, ["yes"]),
        ({"instances": [[*R1.values()]]}, ["yes"]),
        ({"inputs": COLUMNS}, BOTH),
        ({"inputs": R1}, ["yes"]),
        ({"inputs": [R1]}, ["yes"]),
        ({"inputs": [[*R2.values()]]}, ["no"]),
        ({"dataframe_records": [R1, R2], "params": {"x": 1}}, BOTH),
        ({"dataframe_records": [], "extra": 1}, []),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_each_form_of_json_is_answered_by_a_list_of_predictions(
    api: PredictApi, body: dict[str, Any], predictions: list[str]
) -> None:
    answer = invoke(api, body)
    assert answer.status_code == 200
    assert answer.json()["predictions"] == predictions
    assert answer.json()["model_version"] == answer.headers["Model-Version"]


def test_probabilities_and_classes_stand_beside_the_labels(api: PredictApi) -> None:
    body = invoke(api, {"dataframe_split": SPLIT}).json()
    assert body["classes"] == ["no", "yes"]
    assert [len(row) for row in body["predict_proba"]] == [2, 2]
    asked = invoke(api, {"dataframe_split": SPLIT, "params": {"predict_fn": "predict_proba"}}).json()
    assert asked["predictions"] == body["predict_proba"]


@pytest.mark.parametrize("text", [CSV, CSV.replace("\n", "\r\n"), CSV.partition("\n")[2], "\ufeff" + CSV])
def test_csv_has_a_line_of_names_or_none(api: PredictApi, text: str) -> None:
    assert invoke(api, text, "text/csv; charset=UTF-8").json()["predictions"] == BOTH


def test_a_named_model_has_a_path_of_its_own(api: PredictApi) -> None:
    url = f"{api.url}/models/wine/invocations"
    row = [13.2, 1.8, 2.1, 11.2, 100.0, 2.7, 2.8, 0.3, 1.3, 4.4, 1.05, 3.4, 1050.0]
    assert requests.post(url, json={"inputs": [row, row]}, timeout=30).json()["predictions"] == [0, 0]
    assert requests.post(f"{api.url}/models/nope/invocations", json={}, timeout=30).json()["error_code"] == (
        "RESOURCE_DOES_NOT_EXIST"
    )


def test_columns_that_the_model_does_not_have_are_ignored_and_named(api: PredictApi) -> None:
    extra = {**R1, "extra": 1, "a b": 2}
    for body in ({"dataframe_records": [extra]}, {"dataframe_records": [extra, R2]}, {"inputs": extra}):
        answer = invoke(api, body)
        assert answer.json()["predictions"][0] == "yes"
        assert answer.headers["Ignored-Columns"] == "a%20b, extra"
    answer = invoke(api, "age,income,plan,member,extra\n40,52000.5,gold,True,1\n", "text/csv")
    assert (answer.json()["predictions"], answer.headers["Ignored-Columns"]) == (["yes"], "extra")
    assert "Ignored-Columns" not in invoke(api, {"inputs": R1}).headers


@pytest.mark.parametrize(
    "body",
    [
        "this is,,, not json",
        [{"age": 1}],
        {"not": "a frame"},
        {"inputs": [R1], "instances": [R1]},
        {"dataframe_split": [SPLIT]},
        {"dataframe_records": R1},
        {"dataframe_split": {**SPLIT, "other": 1}},
        {"dataframe_split": {**SPLIT, "columns": ["age"]}},
        {"inputs": {**COLUMNS, "age": 40}},
        {"inputs": [R1], "params": [1]},
        {"inputs": [R1], "params": {"predict_fn": "transform"}},
    ],
    ids=str,
)
def test_a_body_that_is_no_request_is_a_bad_request(api: PredictApi, body: object) -> None:
    answer = invoke(api, body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error_code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"not": "a frame"}, "exactly one of"),
        ({"dataframe_split": [SPLIT]}, "dictionary was expected"),
        ({"dataframe_records": R1}, "list was expected"),
    ],
    ids=["no member", "no dictionary", "no list"],
)
def test_the_message_says_what_was_expected(api: PredictApi, body: object, words: str) -> None:
    assert words in invoke(api, body).json()["message"]


@pytest.mark.parametrize(
    ("row", "name"),
    [({name: cell for name, cell in R1.items() if name != "member"}, "member"), ({**R1, "age": "x"}, "age")],
    ids=["missing", "no number"],
)
@pytest.mark.parametrize("member", ["inputs", "dataframe_records"])
def test_a_column_at_fault_is_named(api: PredictApi, row: dict[str, Any], name: str, member: str) -> None:
    answer = invoke(api, {member: row if member == "inputs" else [row, R2]})
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert name in answer.json()["message"]
    assert "stack_trace" not in answer.json()


def test_csv_that_lacks_a_column_or_all_is_refused(api: PredictApi) -> None:
    assert "member" in invoke(api, "age,income,plan\n40,52000.5,gold\n", "text/csv").json()["message"]
    assert invoke(api, "", "text/csv").status_code == 400


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", 415),
        ("application/json; something=x", 415),
        ("application/json; charset=latin-1", 415),
        ("application/vnd.apache.parquet", 415),
        ("application/json; charset=UTF-8", 200),
        (None, 200),
    ],
)
def test_json_and_csv_in_utf_8_are_taken(api: PredictApi, kind: str | None, status: int) -> None:
    answer = invoke(api, {"inputs": R1}, kind)
    assert answer.status_code == status
    assert status == 200 or "text/csv" in answer.json()["message"]


def test_the_other_calls_of_its_client_are_answered(api: PredictApi) -> None:
    for path in ("/ping", "/health"):
        assert (api.get(path).status_code, api.get(path).text) == (200, "\n")
    assert api.get("/version").text.count(".") == 2
    answer = api.get("/invocations")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_too_many_rows_and_too_large_bodies_are_refused_in_its_words(api: PredictApi) -> None:
    assert "1001 rows" in invoke(api, {"dataframe_split": {"columns": ["age"], "data": [[1]] * 1001}}).json()["message"]
    answer = invoke(api, {"inputs": [[1] * 50_001]})
    assert (answer.status_code, answer.json()["error_code"]) == (413, "BAD_REQUEST")
