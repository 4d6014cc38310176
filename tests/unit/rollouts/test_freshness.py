"""The response of model_server to a freshness check."""

from changeover.protocol.wire import Current
from model_server.rollouts.freshness import Pointer, answer

A, B = "a" * 64, "b" * 64
HELD = Current(3, A)


def test_a_replica_that_holds_the_current_version_hears_not_modified() -> None:
    response = answer(Pointer(HELD), HELD.etag, "life", 0)
    assert response.changed is False
    assert response.headers["ETag"] == f'"3-{A}"'
    assert response.headers["Lease-Ms"] == "0"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Server-Instance"] == "life"
    assert "Next-Version" not in response.headers


def test_a_granted_lease_is_in_the_response() -> None:
    assert answer(Pointer(HELD), HELD.etag, "life", 1000).headers["Lease-Ms"] == "1000"


def test_the_same_version_rolled_again_is_another_state() -> None:
    assert answer(Pointer(Current(5, A)), HELD.etag, "life", 0).changed is True


def test_without_an_etag_the_response_has_a_body() -> None:
    assert answer(Pointer(HELD), None, "life", 0).changed is True


def test_several_etags_and_a_star_are_read_as_http_has_them() -> None:
    assert answer(Pointer(HELD), f'"1-{B}", W/{HELD.etag}', "life", 0).changed is False
    assert answer(Pointer(HELD), "*", "life", 0).changed is False


def test_a_version_that_prepares_is_announced_even_where_none_is_current() -> None:
    response = answer(Pointer(None, B), None, "life", 0)
    assert response.changed is None
    assert response.headers["Next-Version"] == B
    assert "ETag" not in response.headers
