"""The version that a start makes current: the pin, then the newest raw upload that was not rolled, then the ledger."""

from changeover.protocol.wire import Current
from model_server.intake.startup import Upload, decide, pending_upload

A, B, C = "a" * 64, "b" * 64, "c" * 64


def an_upload(version: str, minute: int, sequence: int) -> Upload:
    return Upload("loan", version, f"2026-01-01T00:{minute:02}:00.000000Z", sequence, f"{version[0]}.joblib")


def test_the_pin_wins_over_an_upload() -> None:
    assert decide(Current(1, A), C, an_upload(B, 1, 1)).version == C
    assert decide(Current(1, C), C, an_upload(B, 1, 1)).version is None


def test_an_upload_that_waits_wins_over_the_ledger() -> None:
    assert decide(Current(1, A), None, an_upload(B, 1, 1)).version == B
    assert decide(None, None, an_upload(B, 1, 0)).version == B


def test_the_ledger_stands_if_nothing_waits() -> None:
    assert decide(Current(1, A), None, None).version is None
    assert decide(Current(1, A), None, an_upload(A, 1, 0)).version is None


def test_an_upload_that_was_rolled_does_not_wait() -> None:
    assert pending_upload([an_upload(B, 1, 1)], [Current(2, B), Current(1, A)]) is None


def test_an_upload_that_was_rolled_and_rolled_back_does_not_wait() -> None:
    assert pending_upload([an_upload(B, 1, 1)], [Current(3, A), Current(2, B), Current(1, A)]) is None


def test_uploading_the_bytes_of_an_old_version_again_asks_for_it_again() -> None:
    waiting = pending_upload(
        [an_upload(A, 1, 0), an_upload(B, 2, 1), an_upload(A, 3, 2)], [Current(2, B), Current(1, A)]
    )
    assert waiting == an_upload(A, 3, 2)


def test_an_older_upload_is_superseded_by_a_newer_one_that_was_rolled() -> None:
    assert pending_upload([an_upload(B, 1, 1), an_upload(C, 2, 1)], [Current(2, C), Current(1, A)]) is None


def test_a_candidate_published_over_http_and_rolled_does_not_hide_a_waiting_upload() -> None:
    assert pending_upload([an_upload(B, 1, 1)], [Current(2, C), Current(1, A)]) == an_upload(B, 1, 1)


def test_nothing_was_uploaded() -> None:
    assert pending_upload([], [Current(1, A)]) is None
