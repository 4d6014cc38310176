"""The privacy of training data: callers of predict_api see none of it, unless the publisher made a column public."""

import re
from typing import Any

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from changeover.client.client import Client
from changeover.exceptions import InvalidSchema
from tests.conftest import wait_until
from tests.integration.estimators.stack import EstimatorStack
from tests.processes.model_server import PUBLISH_TOKEN

TOWNS, GRADES = ("Ravenna-9131", "Tromso-4417"), ("grade-5573", "grade-8861")
FRAME = pd.DataFrame(
    {
        "town": [*TOWNS] * 10,
        "grade": [*GRADES] * 10,
        "income": [48127.25, 91733.5, *[60211.75] * 18],
        "since": ["1987-03-14", "2019-11-23"] * 10,
    }
)
SECRETS = (*TOWNS, *GRADES, "48127", "91733", "60211", "1987-03-14", "2019-11-23")


def fitted() -> object:
    encoded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["town", "since"]),
        (OneHotEncoder(), ["grade"]),  # refuses unknown categories, so the list of the column is closed
        remainder="passthrough",
    )
    return make_pipeline(encoded, LogisticRegression()).fit(FRAME, ["no", "yes"] * 10)


def served(stack: EstimatorStack, name: str, public: bool | list[str] = False) -> str:
    client = Client(stack.server.url, token=PUBLISH_TOKEN)
    published = client.publish(fitted(), name, example=FRAME, roll=True, public=public)
    wait_until(lambda: stack.api.get(f"/models/{name}").status_code == 200, 10, f"predict_api knows {name}")
    return published.version


def shown(stack: EstimatorStack, name: str) -> str:
    """Everything that a caller can read of a model, with the refusals of an unknown grade and of an empty row."""
    row = {"town": "Oslo", "grade": "none", "income": 1, "since": "2020-01-01"}
    refused = [
        stack.post(name, body) for body in (row, [row], {}, {"columns": list(row), "data": [list(row.values())]})
    ]
    assert {answer.status_code for answer in refused} == {422}
    pages = [stack.api.get(path) for path in (f"/models/{name}", "/models", "/openapi.json", "/readyz", "/metrics")]
    assert {answer.status_code for answer in pages} == {200}
    return "\n".join(answer.text for answer in (*refused, *pages))


@pytest.fixture(scope="module")
def private(stack: EstimatorStack) -> str:
    served(stack, "private")
    return "private"


def seen(text: str) -> list[str]:
    """The secrets that `text` has as a whole: the digits of a digest or of a time may hold one by chance."""
    return [secret for secret in SECRETS if re.search(rf"(?<![\w.]){re.escape(secret)}(?!\w)", text)]


def example_of(stack: EstimatorStack, name: str) -> dict[str, Any]:
    body = stack.api.get(f"/models/{name}").json()["example"]["input"]
    operation = stack.api.get("/openapi.json").json()["paths"][f"/models/{name}/predict"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["examples"]["row"]["value"] == body
    return dict(body)


def test_nothing_of_the_training_data_is_shown(stack: EstimatorStack, private: str) -> None:
    assert seen(shown(stack, private)) == []


def test_the_example_is_generated_from_types_and_formats(stack: EstimatorStack, private: str) -> None:
    assert example_of(stack, private) == {"town": "text", "grade": "text", "income": 0, "since": "2026-01-31"}
    refused = stack.post(private, example_of(stack, private))
    assert [fault["field"] for fault in refused.json()["errors"]] == ["grade"]


def test_a_closed_list_is_known_to_be_one(stack: EstimatorStack, private: str) -> None:
    columns = {column["name"]: column for column in stack.api.get(f"/models/{private}").json()["schema"]["columns"]}
    assert columns["grade"] == {"name": "grade", "type": "string", "nullable": False, "closed": True, "dtype": "str"}
    row = stack.api.get("/openapi.json").json()["components"]["schemas"][f"{private}.Row"]["properties"]
    assert "not public" in row["grade"]["description"]
    answer = stack.post(private, {**example_of(stack, private), "grade": "x"})
    assert "not public" in answer.json()["errors"][0]["message"]


def test_what_the_publisher_calls_public_is_shown_and_the_example_can_be_sent(stack: EstimatorStack) -> None:
    version = served(stack, "open", public=["grade", "income"])
    text = shown(stack, "open")
    assert all(secret in text for secret in ("48127.25", "91733.5"))
    assert set(seen(text)) == {*GRADES, "48127", "91733"}
    answer = stack.post("open", example_of(stack, "open"))
    assert (answer.status_code, answer.headers["Model-Version"]) == (200, version)


def test_all_columns_may_be_public(stack: EstimatorStack) -> None:
    served(stack, "all-open", public=True)
    assert {*TOWNS, *GRADES, "1987-03-14"} <= set(seen(shown(stack, "all-open")))


def test_a_public_column_that_the_schema_lacks_is_an_error(stack: EstimatorStack) -> None:
    client = Client(stack.server.url, token=PUBLISH_TOKEN)
    with pytest.raises(InvalidSchema, match="incmoe"):
        client.publish(fitted(), "slip", example=FRAME, public=["incmoe"])
    with pytest.raises(InvalidSchema, match="schema"):
        client.publish(fitted(), "slip", public=["income"])
