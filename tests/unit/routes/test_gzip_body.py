"""Bodies that are compressed by gzip: the cap on what they unpack to, broken ones, several members."""

import gzip
import tracemalloc

import pytest

from predict_api.exceptions import BodyTooLarge, BrokenGzip, UnsupportedBody
from predict_api.routes.gzip_body import is_packed, unpack

ROW = b'{"a": 1, "b": 2}'


def test_a_body_unpacks_to_its_content_up_to_the_limit_and_no_further() -> None:
    assert unpack(gzip.compress(ROW), len(ROW)) == ROW
    with pytest.raises(BodyTooLarge, match="unpacks to more than 15 bytes"):
        unpack(gzip.compress(ROW), len(ROW) - 1)
    bomb = gzip.compress(bytes(30_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            unpack(bomb, 1000)
        assert tracemalloc.get_traced_memory()[1] < 100_000  # bytes: the content was never there as a whole
    finally:
        tracemalloc.stop()


def test_members_are_joined_and_bounded_together() -> None:
    halves = gzip.compress(ROW[:7]) + gzip.compress(ROW[7:])
    assert unpack(halves, len(ROW)) == ROW
    with pytest.raises(BodyTooLarge):
        unpack(halves, len(ROW) - 1)
    with pytest.raises(BrokenGzip, match="more than 64"):
        unpack(gzip.compress(b"") * 65, 1000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        ROW,
        gzip.compress(ROW)[:-1],
        gzip.compress(ROW)[:5],
        gzip.compress(ROW)[:-8] + bytes(8),  # another checksum
        gzip.compress(ROW) + b"more",
        gzip.compress(ROW)[:12] + b"\xff" + gzip.compress(ROW)[13:],
    ],
    ids=["empty", "plain", "a byte short", "the head", "another checksum", "more behind it", "a changed byte"],
)
def test_what_is_no_whole_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenGzip):
        unpack(body, 1000)


def test_gzip_is_taken_where_the_setting_says_so_and_no_other_encoding_is() -> None:
    assert not is_packed({"HTTP_CONTENT_ENCODING": "identity"}, takes_gzip=False)
    for name in ("gzip", "x-gzip", " GZIP "):
        assert is_packed({"HTTP_CONTENT_ENCODING": name}, takes_gzip=True)
        with pytest.raises(UnsupportedBody, match="without one"):
            is_packed({"HTTP_CONTENT_ENCODING": name}, takes_gzip=False)
    for name in ("br", "zstd", "deflate", "gzip, gzip"):
        with pytest.raises(UnsupportedBody, match="gzip, or none"):
            is_packed({"HTTP_CONTENT_ENCODING": name}, takes_gzip=True)
