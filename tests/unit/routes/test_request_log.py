"""The request log around the application: a response of several pieces is joined."""

from collections.abc import Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from predict_api.routes.request_log import recorded


class Pieces:
    """The body of a response in several pieces."""

    def __init__(self, *, broken: bool = False) -> None:
        self.closed = False
        self._broken = broken

    def __iter__(self) -> Iterator[bytes]:
        yield b"two "
        if self._broken:
            raise OSError("a piece is missing")
        yield b"pieces"

    def close(self) -> None:
        self.closed = True


def ask(pieces: Pieces) -> tuple[object, list[str]]:
    statuses = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Pieces:
        start_response("200 OK", [])
        return pieces

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> object:
        statuses.append(status)
        return None

    return recorded(app)({"PATH_INFO": "/livez"}, start_response), statuses  # type: ignore[arg-type]


def test_a_response_of_several_pieces_becomes_a_list_of_one() -> None:
    pieces = Pieces()
    assert ask(pieces) == ([b"two pieces"], ["200 OK"])
    assert pieces.closed


def test_a_response_that_breaks_is_closed_too() -> None:
    pieces = Pieces(broken=True)
    with pytest.raises(OSError, match="missing"):
        ask(pieces)
    assert pieces.closed
