"""The headers for web pages where every origin is allowed; `tests/integration/test_callers.py` has listed origins."""

from werkzeug.test import Client
from werkzeug.wrappers import Response

from predict_api.routes.cors import shared

PAGE = {"Origin": "https://app.example.org"}


def test_every_origin_is_allowed_without_credentials() -> None:
    client = Client(shared(Response("ok"), frozenset({"*"})))
    answer = client.post("/predict", headers=PAGE)
    assert (answer.text, answer.headers["Access-Control-Allow-Origin"]) == ("ok", "*")
    asked = client.options("/predict", headers={**PAGE, "Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Access-Control-Allow-Headers" not in asked.headers  # the page asked for none
    for response in (answer, asked):
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert response.headers.get("Vary") != "Origin"


def test_options_that_are_no_preflight_reach_the_application() -> None:
    client = Client(shared(Response("ok"), frozenset({"https://app.example.org"})))
    assert client.options("/predict", headers=PAGE).text == "ok"
