"""SageMaker's container contract over HTTP, beside `tests/integration/test_pinned_mode.py`. S2 to S8."""

import pytest

from tests.integration.dialects.models import R1
from tests.integration.dialects.test_mlflow import invoke
from tests.processes.predict_api import PredictApi

ROW = "40,52000.5,gold,True\n"  # the convention of SageMaker has no line of names


def test_a_ping_is_answered(api: PredictApi) -> None:
    assert api.get("/ping").status_code == 200


def test_csv_without_names_is_answered_in_json(api: PredictApi) -> None:
    answer = invoke(api, ROW, "text/csv")
    assert (answer.status_code, answer.json()["predictions"]) == (200, ["yes"])


@pytest.mark.parametrize("accept", ["text/csv", "text/csv; charset=utf-8", "text/csv, application/json"])
def test_csv_is_answered_where_it_is_accepted(api: PredictApi, accept: str) -> None:
    answer = invoke(api, ROW, "text/csv", Accept=accept)
    assert answer.text == "yes\n"
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert len(answer.headers["Model-Version"]) == 64


def test_probabilities_in_csv_are_a_line_for_each_row(api: PredictApi) -> None:
    body = {"inputs": [R1, R1], "params": {"predict_fn": "predict_proba"}}
    lines = invoke(api, body, Accept="text/csv").text.splitlines()
    assert [round(sum(map(float, line.split(","))), 6) for line in lines] == [1, 1]


def test_its_headers_are_ignored_and_custom_attributes_come_back(api: PredictApi) -> None:
    answer = invoke(
        api,
        {"instances": [R1]},
        **{"X-Amzn-SageMaker-Custom-Attributes": "trace=1", "X-Amzn-SageMaker-Target-Variant": "b"},
    )
    assert answer.status_code == 200
    assert answer.headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=1"
    assert "X-Amzn-SageMaker-Target-Variant" not in answer.headers


def test_arrays_of_numpy_are_refused_with_what_is_taken(api: PredictApi) -> None:
    answer = invoke(api, "\x93NUMPY", "application/x-npy")
    assert answer.status_code == 415
    assert "application/json or text/csv" in answer.json()["message"]
