"""Responses to a check of all models: those of the protocol, and all others as failures."""

import pytest

from changeover.protocol.wire import Current, CurrentModel, CurrentModels, MalformedAnswer
from predict_api.upstream.connection import Response
from predict_api.upstream.set_check import SetAnswer, read_set

ALL, NAMED = "/current", "/current?models=loan"
LOAN, WINE = Current(3, "a" * 64), Current(4, "b" * 64)
HEADERS = {"etag": '"x"', "lease-ms": "1500", "server-instance": "run", "content-type": "application/json"}
LISTED = {
    "loan": CurrentModel.of(LOAN, None, fenced=True),
    "wine": CurrentModel.of(WINE, LOAN.version, fenced=False),
    "churn": CurrentModel.of(None, WINE.version, fenced=False),
}
KNOWN = SetAnswer(LISTED, 1.0, "earlier run", ALL, '"x"', lists=True)


def response_of(body: bytes, **headers: str) -> Response:
    return Response(200, {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}, body)


def test_a_200_has_every_model_with_its_version_its_next_one_and_its_fence() -> None:
    answer = read_set(response_of(CurrentModels(LISTED).encode()), ALL, None)
    assert answer is not None
    assert answer.models == LISTED
    assert [answer.models[name].current for name in ("loan", "wine", "churn")] == [LOAN, WINE, None]
    assert (answer.lease, answer.server_instance, answer.path, answer.etag) == (1.5, "run", ALL, '"x"')
    assert answer.lists


def test_named_models_are_no_list_of_all() -> None:
    answer = read_set(response_of(CurrentModels({}).encode()), NAMED, KNOWN)
    assert answer is not None
    assert not answer.lists


def test_a_304_has_the_models_of_before_with_a_new_lease() -> None:
    answer = read_set(Response(304, HEADERS, b""), ALL, KNOWN)
    assert answer is not None
    assert answer.models is KNOWN.models
    assert (answer.lease, answer.server_instance) == (1.5, "run")


@pytest.mark.parametrize("status", [400, 404, 405, 500, 501])
def test_a_server_that_does_not_have_the_call_is_no_failure(status: int) -> None:
    assert read_set(Response(status, {}, b"<html>"), ALL, KNOWN) is None


def test_equal_sets_have_equal_bytes() -> None:
    reversed_set = CurrentModels(dict(reversed(LISTED.items())))
    assert reversed_set.encode() == CurrentModels(LISTED).encode()


@pytest.mark.parametrize(
    "response",
    [
        Response(304, {**HEADERS, "etag": '"y"'}, b""),
        Response(503, HEADERS, b"{}"),
        Response(421, HEADERS, b"{}"),
        Response(403, HEADERS, b"{}"),
        response_of(b"<html>"),
        response_of(b"[]"),
        response_of(b"{}"),
        response_of(b'{"models": {"loan": {"sequence": 3}}}'),
        response_of(b'{"models": {"loan": {"sequence": 3, "version": "a"}}}'),
        response_of(b'{"models": {"loan": {"next_version": "soon"}}}'),
        response_of(b'{"models": {"No Name": {}}}'),
        response_of(b'{"models": {"\xff": {}}}'),
        response_of(CurrentModels(LISTED).encode(), lease_ms="-1"),
        response_of(CurrentModels(LISTED).encode(), etag=""),
    ],
)
def test_whatever_is_not_the_protocol_is_a_failed_check(response: Response) -> None:
    with pytest.raises(MalformedAnswer):
        read_set(response, ALL, KNOWN)


def test_a_304_to_a_check_that_knew_nothing_is_a_failed_check() -> None:
    with pytest.raises(MalformedAnswer):
        read_set(Response(304, HEADERS, b""), ALL, None)
    with pytest.raises(MalformedAnswer):
        read_set(Response(304, HEADERS, b""), NAMED, KNOWN)


def test_unknown_members_of_later_releases_are_ignored() -> None:
    body = b'{"models": {"loan": {"sequence": 1, "version": "' + b"a" * 64 + b'", "more": 1}}, "more": []}'
    answer = read_set(response_of(body), ALL, None)
    assert answer is not None
    assert answer.models["loan"].current == Current(1, "a" * 64)
