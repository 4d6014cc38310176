"""vetiver's API over HTTP, as its clients use it."""

import json

import pytest
import requests

from tests.integration.dialects.models import R1, R2
from tests.processes.predict_api import PredictApi


def ask(api: PredictApi, body: object) -> requests.Response:
    """The response to a body without a Content-Type."""
    return requests.post(f"{api.url}/vetiver/predict", data=json.dumps(body).encode(), timeout=30)


@pytest.mark.parametrize(("rows", "labels"), [([R1, R2], ["yes", "no"]), ([R1], ["yes"]), ([], [])], ids=len)
def test_rows_are_answered_by_a_list_that_makes_a_frame(api: PredictApi, rows: list[object], labels: list[str]) -> None:
    answer = ask(api, rows)
    assert answer.json() == {"predict": labels}
    assert len(answer.headers["Model-Version"]) == 64


@pytest.mark.parametrize(
    ("body", "words"), [(R1, "an array"), ([{"age": 40}], "plan"), ([{**R1, "age": "x"}], "age")], ids=str
)
def test_what_does_not_fit_is_a_422_in_plain_text(api: PredictApi, body: object, words: str) -> None:
    answer = ask(api, body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert words in answer.text


def test_its_other_calls_are_answered(api: PredictApi) -> None:
    assert api.get("/vetiver/ping").json() == {"ping": "pong"}
    assert api.get("/vetiver/prototype").json()["properties"]["plan"] == {"type": "string"}
    described = api.get("/vetiver/metadata")
    assert described.json()["version"] == described.headers["Model-Version"]
    assert api.get("/vetiver/nope").status_code == 404
