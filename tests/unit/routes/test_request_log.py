"""Around the application: an answer in one piece, and what is said of every request."""

from collections.abc import Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from predict_api.routes.request_log import recorded


class Pieces:
    """What an application returns to be sent bit by bit."""

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
    said = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Pieces:
        start_response("200 OK", [])
        return pieces

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> object:
        said.append(status)
        return None

    return recorded(app)({"PATH_INFO": "/livez"}, start_response), said  # type: ignore[arg-type]


def test_an_answer_of_several_pieces_becomes_a_list_of_one() -> None:
    pieces = Pieces()
    assert ask(pieces) == ([b"two pieces"], ["200 OK"])
    assert pieces.closed


def test_an_answer_that_breaks_is_closed_too() -> None:
    pieces = Pieces(broken=True)
    with pytest.raises(OSError, match="missing"):
        ask(pieces)
    assert pieces.closed
