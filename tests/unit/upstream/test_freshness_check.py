"""Responses to a freshness check: those of the protocol, and all others as failures."""

import json

import pytest

from changeover.protocol.wire import Current, MalformedAnswer
from predict_api.upstream.connection import Response
from predict_api.upstream.freshness_check import read_answer

HELD = Current(3, "a" * 64)
NEW = Current(4, "b" * 64)
JSON = {"content-type": "application/json"}


def response_of(current: Current, **headers: str) -> Response:
    all_headers = {**JSON, "etag": current.etag, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Response(200, all_headers, json.dumps(current.to_json("loan")).encode())


def test_a_200_names_what_is_current_and_what_is_next() -> None:
    answer = read_answer(response_of(NEW, next_version="c" * 64, lease_ms="1500", server_instance="x"), "loan", HELD)
    assert (answer.current, answer.next_version, answer.lease, answer.server_instance) == (NEW, "c" * 64, 1.5, "x")


def test_a_304_for_what_was_asked_confirms_it() -> None:
    assert read_answer(Response(304, {"etag": HELD.etag}, b""), "loan", HELD).current == HELD


def test_a_404_problem_says_that_nothing_is_current() -> None:
    problem = Response(404, {"content-type": "application/problem+json", "next-version": "c" * 64}, b"{}")
    answer = read_answer(problem, "loan", None)
    assert (answer.current, answer.next_version) == (None, "c" * 64)


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        (Response(304, {"etag": HELD.etag}, b""), None),
        (Response(304, {"etag": NEW.etag}, b""), HELD),
        (Response(304, {}, b""), HELD),
        (Response(404, {"content-type": "text/html"}, b"<html>"), HELD),
        (Response(500, JSON, b"{}"), HELD),
        (Response(302, {"location": "/login"}, b""), HELD),
        (Response(200, {**JSON, "etag": NEW.etag}, b"<html>"), HELD),
        (Response(200, {**JSON, "etag": NEW.etag}, b"[]"), HELD),
        (Response(200, {**JSON, "etag": NEW.etag}, b"{}"), HELD),
        (Response(200, {**JSON, "etag": NEW.etag}, json.dumps(NEW.to_json("other")).encode()), HELD),
        (Response(200, {**JSON, "etag": HELD.etag}, json.dumps(NEW.to_json("loan")).encode()), HELD),
        (Response(200, JSON, json.dumps(NEW.to_json("loan")).encode()), HELD),
        (response_of(NEW, next_version="soon"), HELD),
        (response_of(NEW, lease_ms="-1"), HELD),
        (response_of(NEW, lease_ms="1e9"), HELD),
    ],
)
def test_whatever_is_not_the_protocol_is_a_failed_check(answer: Response, held: Current | None) -> None:
    with pytest.raises(MalformedAnswer):
        read_answer(answer, "loan", held)
