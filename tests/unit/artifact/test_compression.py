"""Bytes that are no complete model: each is refused by the name of its format, within the memory limit."""

import gzip
import io
import pickle
import struct
import zipfile
import zlib

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from changeover.artifact.load import load_model
from changeover.exceptions import UnreadableArtifact


def dumped(value: object, **how: object) -> bytes:
    target = io.BytesIO()
    joblib.dump(value, target, **how)
    return target.getvalue()


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a", "b")
    return target.getvalue()


NOT_MODELS = {
    "nothing": (b"", "empty"),
    "HTML": (b"\n<!DOCTYPE html><html><body>404</body>", "HTML page"),
    "XML": (b"<?xml version='1.0'?><Error/>", "XML"),
    "CSV": (b"x0,x1,x2\n1,2,3\n", "CSV"),
    "text": (b"hello world\n", "text"),
    "zip": (_zip(), "zip archive"),
    "npy": (b"\x93NUMPY\x01\x00", "npy"),
    "JSON": (b'{"a": 1}', "JSON"),
    "zeros": (b"\x00" * 4096, "zero bytes"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
    "noise": (bytes(range(255, 0, -1)), "no joblib or pickle file"),
    "old joblib": (b"ZF0x10              abc", "before 0.10"),
    "damaged gzip": (gzip.compress(b"a" * 1000)[:12] + b"\xff" * 20, "damaged|cut off"),
}


@pytest.mark.parametrize("name", NOT_MODELS)
def test_bytes_that_are_no_model_are_named_by_their_format(name: str) -> None:
    buffer, looks = NOT_MODELS[name]
    with pytest.raises(UnreadableArtifact, match=looks):
        load_model(buffer)


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_truncated_artifact_is_refused(compress: object, tenths: int) -> None:
    model = LogisticRegression().fit(np.random.RandomState(0).rand(200, 50), np.arange(200) % 2)
    whole = dumped(model, compress=compress)
    with pytest.raises(UnreadableArtifact, match="cut off"):
        load_model(whole[: len(whole) * tenths // 10])


@pytest.mark.parametrize("how", ["zlib", "gzip", "bz2", "xz", "lzma"])
def test_a_bomb_is_refused_before_it_is_unpacked(how: str) -> None:
    bomb = dumped(np.zeros(4_000_000), compress=(how, 9))
    assert len(bomb) < 100_000
    with pytest.raises(UnreadableArtifact, match="over the cap"):
        load_model(bomb, max_bytes=1_000_000)


def test_a_bomb_of_bytes_is_refused_while_it_is_unpacked() -> None:
    bomb = zlib.compress(pickle.dumps([bytes([number]) * 20_000 for number in range(200)]))
    with pytest.raises(UnreadableArtifact, match="over the cap"):
        load_model(bomb, max_bytes=1_000_000)


def test_an_announced_length_is_not_allocated() -> None:
    announced = b"\x80\x05" + pickle.BINBYTES8 + struct.pack("<Q", 1 << 50) + b"x."
    for buffer in (announced, zlib.compress(announced)):
        with pytest.raises(UnreadableArtifact, match="cut off"):
            load_model(buffer)
