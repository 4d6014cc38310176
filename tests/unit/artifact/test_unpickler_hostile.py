"""Hostile artifacts: each is refused, and none runs code or imports a module."""

import functools
import io
import operator
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from joblib.numpy_pickle_compat import NDArrayWrapper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from changeover.artifact.load import load_model
from changeover.exceptions import ChangeoverError, ForbiddenGlobal, UnreadableArtifact

RAN: list[str] = []
UNTOUCHED = "antigravity"  # a module of the standard library that nothing imports


def mark(*_: object) -> None:
    """The function that a hostile artifact tries to call."""
    RAN.append("ran")


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.reduced


def dumped(value: object, **how: object) -> bytes:
    target = io.BytesIO()
    joblib.dump(value, target, **how)
    return target.getvalue()


def names(module: str, name: str, protocol: int = 4) -> bytes:
    """The opcodes that name a global."""
    if protocol < 4:
        return b"c" + module.encode() + b"\n" + name.encode() + b"\n"
    return short(module) + short(name) + pickle.STACK_GLOBAL


def short(text: str) -> bytes:
    return pickle.SHORT_BINUNICODE + struct.pack("B", len(text)) + text.encode()


def program(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def text(value: str) -> bytes:
    return short(value)


def one(argument: bytes) -> bytes:
    return argument + pickle.TUPLE1


CALLS = {
    "os.system": Calls(os.system, "true"),
    "subprocess": Calls(subprocess.Popen, "true"),
    "eval": Calls(eval, "1"),
    "exec": Calls(exec, ""),
    "import": Calls(__import__, UNTOUCHED),
    "open": Calls(open, "/etc/passwd"),
    "getattr": Calls(getattr, "a", "upper"),
    "getattr chain": Calls(getattr, Calls(getattr, Calls(__import__, "os"), "path"), "join"),
    "partial": Calls(functools.partial, mark),
    "partial of a class of numpy": Calls(functools.partial, np.ndarray),
    "attrgetter": Calls(operator.attrgetter, "a.b"),
    "methodcaller": Calls(operator.methodcaller, "upper"),
    "numpy.load": Calls(np.load, "/etc/passwd"),
    "numpy.fromfile": Calls(np.fromfile, "/etc/passwd"),
    "ours": Calls(mark),
    "a listed function, called": Calls(np.log1p, 1.0),
    "a listed score, called": Calls(__import__("sklearn.metrics").metrics.accuracy_score, [1], [1]),
    "type": Calls(type, "T", (), {}),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("wrapped", ["bare", "in a pipeline", "in an object array", "compressed", "plain"])
def test_a_call_of_what_is_not_on_the_list_does_not_happen(name: str, protocol: int, wrapped: str) -> None:
    hostile: object = CALLS[name]
    if wrapped == "in a pipeline":
        hostile = Pipeline([("a", FunctionTransformer(hostile))])
    elif wrapped == "in an object array":
        hostile = np.array([hostile], dtype=object)
    if wrapped == "plain":
        buffer = pickle.dumps(hostile, protocol)
    else:
        buffer = dumped(hostile, protocol=protocol, compress=("gzip", 3) if wrapped == "compressed" else 0)
    RAN.clear()
    with pytest.raises((ForbiddenGlobal, UnreadableArtifact)) as refusal:
        load_model(buffer)
    assert RAN == []
    assert UNTOUCHED not in sys.modules
    if name == "os.system":
        assert isinstance(refusal.value, ForbiddenGlobal)
        assert refusal.value.name in {"posix.system", "nt.system"}


PROGRAMS = {
    # the module is on the list, but the name leads out of it
    "a dotted name": program(names("sklearn.pipeline", "Pipeline.__init__.__globals__")),
    "a dotted name into os": program(names("sklearn.utils._bunch", "os.system"), one(text("true")), b"R"),
    "a dotted name in numpy": program(names("numpy", "lib.npyio.os.system"), one(text("true")), b"R"),
    "a module that was never imported": program(names(UNTOUCHED, "geohash")),
    "a submodule that was never imported": program(names("sklearn.datasets._openml", "fetch_openml")),
    "a re-export": program(names("sklearn.pipeline", "clone")),
    "numpy's importing reconstructor": program(
        names("numpy._core", "_ufunc_reconstruct"), text(UNTOUCHED) + text("geohash") + pickle.TUPLE2, b"R"
    ),
    "the same by its old name": program(
        names("numpy.core", "_ufunc_reconstruct"), text("os") + text("system") + pickle.TUPLE2, b"R"
    ),
    "a codec by name": program(names("_codecs", "encode"), text("a") + text("rot13") + pickle.TUPLE2, b"R"),
    "a constructor that calls": program(
        names("numpy.random._pickle", "__randomstate_ctor"),
        text("x") + names("sklearn.pipeline", "Pipeline") + pickle.TUPLE2,
        b"R",
    ),
    "a class changed": program(
        names("sklearn.linear_model._logistic", "LogisticRegression"),
        b"N}" + text("predict") + names("numpy", "log1p") + b"s" + pickle.TUPLE2 + b"b",
    ),
    "a function changed": program(
        names("sklearn.metrics._classification", "accuracy_score"),
        b"N}" + text("__defaults__") + b")s" + pickle.TUPLE2 + b"b",
    ),
    "a state setter of the artifact's own": program(
        names("sklearn.utils._bunch", "Bunch"),
        b")\x81}" + text("__setstate__") + names("numpy", "log1p") + b"sb",
    ),
    "an append of the artifact's own": program(
        names("sklearn.pipeline", "Pipeline"),
        b")\x81}" + text("append") + names("numpy", "log1p") + b"sb" + b"K\x01a",
    ),
    "another class": program(
        names("sklearn.calibration", "_CalibratedClassifier"),
        b")\x81N}" + text("__class__") + names("sklearn.pipeline", "Pipeline") + b"s" + pickle.TUPLE2 + b"b",
    ),
    "the constructor of an estimator": program(names("sklearn.pipeline", "Pipeline"), one(b"]"), b"R"),
    "INST": program(b"(", b"i" + b"os\nsystem\n"),
    "INST of a listed class": program(b"(", b"isklearn.pipeline\nPipeline\n"),
    "OBJ": program(b"(", names("sklearn.pipeline", "Pipeline"), b"o"),
    "an extension code": program(b"\x82\x01"),
    "a persistent id": program(b"Pabc\n"),
    "uninitialized memory": program(names("numpy", "ndarray"), b"K\x02\x85\x85\x81"),
    "a function given an attribute": program(
        names("sklearn.metrics._classification", "accuracy_score"), b"}" + text("a") + b"K\x01sb"
    ),
    "no class at all": program(text("a"), b")\x81"),
    "a call of an instance": program(names("sklearn.pipeline", "Pipeline"), b")\x81", one(text("a")), b"R"),
    "a tree of nothing": program(names("sklearn.neighbors._kd_tree", "newObj"), one(names("builtins", "object")), b"R"),
    "a partial of a class": program(names("functools", "partial"), one(names("numpy", "ndarray")), b"R"),
    "a promise of terabytes": b"\x80\x05" + pickle.BYTEARRAY8 + struct.pack("<Q", 1 << 42) + b".",
    "a protocol to come": b"\x80\x09.",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_opcodes_does_nothing(name: str) -> None:
    before = set(sys.modules)
    with pytest.raises((ForbiddenGlobal, UnreadableArtifact)) as refusal:
        load_model(PROGRAMS[name])
    assert "dotted" not in name or isinstance(refusal.value, ForbiddenGlobal)
    assert UNTOUCHED not in sys.modules
    assert {module for module in set(sys.modules) - before if not module.startswith("sklearn.")} == set()


def test_an_array_beside_the_file_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "secret.npy", np.array([Calls(mark)], dtype=object), allow_pickle=True)
    RAN.clear()
    with pytest.raises(ForbiddenGlobal):
        load_model(pickle.dumps(NDArrayWrapper(str(tmp_path / "secret.npy"), np.ndarray)))
    assert RAN == []


def _structured(flags: int) -> bytes:
    """A dtype that holds objects, with these flags."""
    honest = np.dtype([("a", "O")])
    reduced: Any = honest.__reduce__()
    _, arguments, state = reduced
    forged = (*state[:7], flags, *state[8:])

    class Forged:
        def __reduce__(self) -> tuple[object, ...]:
            return (np.dtype, arguments, forged)

    return pickle.dumps(Forged(), 4)


def test_a_dtype_that_hides_its_objects_is_refused() -> None:
    honest = np.dtype([("a", "O")])
    with pytest.raises(UnreadableArtifact, match="lies"):
        load_model(_structured(0))
    assert load_model(pickle.dumps(honest)) == honest


def test_a_dtype_is_not_changed_under_an_array() -> None:
    dtype = np.dtype([("a", "i4")])
    state: Any = dtype.__reduce__()[2]

    class Twice:
        def __reduce__(self) -> tuple[object, ...]:
            return (np.dtype, ("V4", False, True), state)

    body = pickle.dumps(Twice(), 2)
    again = body[:-1] + pickle.dumps(state, 2)[2:-1] + b"b."
    with pytest.raises(UnreadableArtifact, match="changed after it was made"):
        load_model(again)


def test_a_vectorizer_that_opens_files_named_by_requests_is_refused() -> None:
    with pytest.raises(ForbiddenGlobal, match="opens files"):
        load_model(dumped(make_pipeline(CountVectorizer(input="filename"), LogisticRegression())))


def test_what_the_operator_did_not_allow_is_named() -> None:
    with pytest.raises(ForbiddenGlobal, match="changeover environment add") as refusal:
        load_model(dumped(FunctionTransformer(mark)))
    assert refusal.value.name == "tests.unit.artifact.test_unpickler_hostile.mark"


@pytest.mark.parametrize(
    "global_name",
    ["sklearn.linear_model._from_the_future.Better", "sklearn.pipeline.BetterPipeline", "numpy._core.new.make"],
)
def test_a_name_of_another_library_version_has_a_reason_of_its_own(global_name: str) -> None:
    module, _, name = global_name.rpartition(".")
    with pytest.raises(UnreadableArtifact, match="made with another version"):
        load_model(program(names(module, name)))


def test_every_flipped_bit_gives_an_object_or_one_named_fault() -> None:
    whole = dumped(make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()), protocol=4)
    for position in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        try:
            load_model(bytes(flipped))
        except ChangeoverError:
            continue
