"""The pieces of many bytes."""

import hashlib
from pathlib import Path

import pytest

from changeover import digest
from changeover.process.atomic_file import write_atomically
from changeover.process.gentle_pieces import PIECE, pieces
from model_runner.memory_file import content_of, sealed

CONTENT = bytes(range(256)) * (PIECE // 64) + b"and the rest"


@pytest.mark.parametrize("content", [b"", b"few", CONTENT])
@pytest.mark.parametrize("gently", [True, False])
def test_the_pieces_are_the_content(tmp_path: Path, content: bytes, gently: bool) -> None:
    assert b"".join(pieces(content, gently=gently)) == content
    digest.verify_pieces(pieces(content, gently=gently), hashlib.sha256(content).hexdigest())
    assert content_of(sealed(content, gently=gently), len(content)) == content
    write_atomically(tmp_path / "file", content, gently=gently)
    assert (tmp_path / "file").read_bytes() == content


def test_gentle_pieces_are_small() -> None:
    assert max(len(piece) for piece in pieces(CONTENT, gently=True)) == PIECE
