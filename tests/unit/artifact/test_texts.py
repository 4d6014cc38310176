"""Texts of pandas in the memory of pyarrow: read from their checked buffers, and every false buffer is refused."""

import base64
import contextlib
import io
import pickle
import random
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changeover.artifact import texts
from changeover.artifact.load import load_model
from changeover.artifact.load_rules import LoadRules
from changeover.exceptions import ChangeoverError, ForbiddenGlobal, UnreadableArtifact

WORDS = ["Rome", "", "Zürich", "中", None, "\0", "a" * 70, "🐘", "01100"]
STR, STRING = (pd.StringDtype("pyarrow", na_value=missing) for missing in (np.nan, pd.NA))
LARGE, SMALL = texts.make_type("large_string"), texts.make_type("string")


def stored(values: Any, dtype: Any = STR) -> Any:
    """An array of pandas in the memory of pyarrow."""
    array = pd.array(values, dtype=dtype)
    assert type(array).__name__ == "ArrowStringArray"
    return array


class Reduced:
    """An object whose pickle is a call, and then a state."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        return self.parts


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", [STR, STRING])
def test_an_array_is_loaded_as_python_strings_of_the_same_dtype(dtype: Any, protocol: int) -> None:
    for values in (WORDS, WORDS[:4], [None], []):
        array = stored(values, dtype)
        loaded: Any = load_model(pickle.dumps(array, protocol=protocol))
        assert loaded.dtype == pd.StringDtype("python", na_value=dtype.na_value)
        assert str(loaded.dtype) == str(dtype)
        pd.testing.assert_extension_array_equal(loaded, pd.array(values, dtype=loaded.dtype))
        assert loaded.tolist() == pd.array(values, dtype=loaded.dtype).tolist()
        assert type(loaded) is pd.arrays.StringArray


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("compress", [0, 3, ("lzma", 1)])
def test_an_index_is_loaded_from_a_joblib_file(protocol: int, compress: Any) -> None:
    names = pd.Index(stored(["size", "city", "größe"]), name="columns")
    file = io.BytesIO()
    joblib.dump({"names": names, "again": names, "values": names.array}, file, protocol=protocol, compress=compress)
    loaded: Any = load_model(file.getvalue())
    pd.testing.assert_index_equal(loaded["names"], names.astype(pd.StringDtype("python", na_value=np.nan)))
    assert loaded["again"] is loaded["names"]
    assert loaded["values"].tolist() == ["size", "city", "größe"]
    assert loaded["names"].get_loc("größe") == 2


def test_categories_slices_and_several_chunks_are_loaded() -> None:
    several = pd.concat([pd.Series(stored(["a", "b"])), pd.Series(stored(["c", None]))], ignore_index=True)
    kept = {
        "dtype": pd.CategoricalDtype(pd.Index(stored(["b", "a"])), ordered=True),
        "slice": stored(WORDS)[2:7],
        "steps": stored(WORDS)[::-2],
        "chunks": several.array,
        "raw": Reduced(pa.chunked_array, ([pa.array(["x", None]), pa.array(["y"])], pa.string())),
    }
    loaded: Any = load_model(pickle.dumps(kept))
    assert loaded["dtype"].ordered
    assert loaded["dtype"].categories.tolist() == ["b", "a"]
    assert loaded["slice"].tolist() == pd.array(WORDS[2:7], dtype="str").tolist()
    assert [*map(str, loaded["steps"])] == [*map(str, pd.array(WORDS[::-2], dtype="str"))]
    assert [*map(str, loaded["chunks"])] == ["a", "b", "c", "nan"]
    assert loaded["raw"] == texts.Texts(("x", None, "y"))


# the second and third of "Rome", None, "Zürich", written by pandas 2.2.3 with pyarrow 26.0.1, in base64 of zlib
WRITTEN = {
    "string[pyarrow]": (
        "eNp1ULFqwzAQtUOJY1pCoEvJ0jVd9A8h3Qwd2q0QhJTItkDYQpIJGgLt0O22XP+mW3+skuIWWujBcbqn906693LxrvIsBdxq1u2Z"
        "JbveCMKMYd4S64zsGhq6/oCwWMf6lLB1JOAJ717xiCsoqWY0iRAutU8CoiRHmFMjrAszx+sTrtopzJ3Xgta9oUxJZgMKV4qZRtDz"
        "k/iGj1hNqrzKtklQak/5UNfCRO6MD1I52VmEknsnvkdv8klSxmwX7fXmJvsTxVh/04rnzw8jd+0PKrb44NIJpnQfP4uw/N+gsPTZ"
        "lvtEHW2BIi7OmqAtRk/Q8oGTL/kMjFs="
    ),
    "string[pyarrow_numpy]": (
        "eNp1UMFKxDAQbRfZWtRF8CIe9Lpe8g/Leivswb0JS0i6aRvopiFJkRyE9eBtbjv+jTd/zCZbBQUHwkwm773MvP3J+z5NYsCdZmrL"
        "LCk7IwgzhnlLrDNS1XS4dc8It4uQ17G3CIBVv9N+LXZMOVlaPOD9K77gHHKqGY0SCGfaRzppJUeYUSOsG34Ynw84b6Ywc14LWnWG"
        "slayIATnLTO1oMcB8A0fsZgUaZFsIiHXnvK+qoQJ2FPey9ZJZRFy7p34ll6mk8gMp7lsrpbXyZ/Ixvwblj19fhhZNj9dscGVixVM"
        "6TYMi3Dzv13D0keTHiJ0tAWysDirB+7F6AlVwUC0vOfkCwaIlNs="
    ),
}


@pytest.mark.parametrize("dtype", WRITTEN)
def test_what_pandas_2_2_wrote_is_loaded(dtype: str) -> None:
    loaded: Any = load_model(base64.b64decode(WRITTEN[dtype]))
    assert str(loaded.dtype) == ("string" if dtype == "string[pyarrow]" else "str")
    assert loaded.dtype.storage == "python"
    assert loaded.tolist() == pd.array([None, "Zürich"], dtype=loaded.dtype).tolist()


def begun(state: dict[str, Any], name: str = "pandas.arrays\nArrowStringArray") -> bytes:
    """The pickle of an array that is made empty and given `state`."""
    return b"\x80\x02c" + name.encode() + b"\n)\x81" + pickle.dumps(state, protocol=2)[2:-1] + b"b."


@pytest.mark.parametrize("name", ["ArrowStringArray", "ArrowStringArrayNumpySemantics"])
@pytest.mark.parametrize("attribute", ["_pa_array", "_data"])
def test_arrays_of_older_versions_of_pandas_are_loaded(name: str, attribute: str) -> None:
    older = stored(WORDS, STRING)
    semantics = "pyarrow_numpy" if name.endswith("Semantics") else "pyarrow"
    state = {attribute: older._pa_array, "_dtype": Reduced(pd.StringDtype, (semantics,))}
    loaded: Any = load_model(begun(state, f"pandas.core.arrays.string_arrow\n{name}"))
    assert str(loaded.dtype) == ("str" if name.endswith("Semantics") else "string")
    assert loaded.tolist() == pd.array(WORDS, dtype=loaded.dtype).tolist()


def _parts(array: pa.Array, kind: texts.TextType) -> tuple[Any, ...]:
    """The parts that a pickle has of `array`, with its first text where it is in the buffers."""
    buffers = [None if each is None else texts.make_buffer(each.to_pybytes()) for each in array.buffers()]
    return (kind, len(array), array.null_count, array.offset, buffers, [], None)


@given(st.lists(st.none() | st.text(max_size=20), max_size=40), st.data(), st.booleans())
def test_any_texts_are_read_from_their_buffers(values: list[str | None], data: Any, large: bool) -> None:
    try:
        array = pa.array(values, type=pa.large_string() if large else pa.string())
    except UnicodeEncodeError:
        return
    first = data.draw(st.integers(0, len(values)))
    part = array.slice(first, data.draw(st.integers(0, len(values) - first)))
    read = texts.make_texts(_parts(part, LARGE if large else SMALL))
    assert list(read.values) == part.to_pylist()


def _changed(**change: Any) -> tuple[Any, ...]:
    """The parts of three texts, some of them changed."""
    buffers = {
        "validity": texts.Buffer(b"\5"),
        "offsets": texts.Buffer(np.array([0, 2, 2, 4], dtype="<i8").tobytes()),
        "data": texts.Buffer(b"aabb"),
    }
    buffers |= {name: change.pop(name) for name in list(change) if name in buffers}
    parts = {"kind": LARGE, "length": 3, "missing": 1, "first": 0, "buffers": [*buffers.values()]}
    return (*(parts | {"inner": [], "dictionary": None} | change).values(),)


def _offsets(*offsets: int) -> texts.Buffer:
    return texts.Buffer(np.array(offsets, dtype="<i8").tobytes())


FORGED = {
    "an offset beyond the data": ({"offsets": _offsets(0, 2, 2, 5)}, "outside of their bytes"),
    "an offset far beyond the data": ({"offsets": _offsets(0, 2, 2, 2**62)}, "outside of their bytes"),
    "a negative offset": ({"offsets": _offsets(-1, 2, 2, 4)}, "do not ascend"),
    "a descending offset": ({"offsets": _offsets(0, 4, 2, 4)}, "do not ascend"),
    "extreme offsets": ({"offsets": _offsets(0, 2**63 - 1, -(2**63), 4)}, "do not ascend"),
    "too few offsets": ({"offsets": _offsets(0, 2, 2)}, "offsets is too short"),
    "offsets of another width": ({"kind": SMALL, "offsets": texts.Buffer(b"\0" * 15)}, "offsets is too short"),
    "no offsets": ({"offsets": None}, "offsets is too short"),
    "no data": ({"data": None}, "outside of their bytes"),
    "a text that is not UTF-8": ({"data": texts.Buffer(b"aa\xff\xff")}, "not UTF-8"),
    "a text cut inside a character": (
        {"data": texts.Buffer("äöx".encode()), "offsets": _offsets(0, 1, 1, 4)},
        "not UTF-8",
    ),
    "a surrogate": ({"data": texts.Buffer(b"\xed\xa0\x80a"), "offsets": _offsets(0, 4, 4, 4)}, "not UTF-8"),
    "too few bits": ({"validity": texts.Buffer(b"")}, "missing ones is too short"),
    "another number of missing ones": ({"missing": 2}, "another number of missing ones"),
    "a huge length": ({"length": 2**62}, "too short"),
    "a length beyond 64 bits": ({"length": 2**80}, "too short"),
    "a huge first": ({"first": 2**62, "validity": None, "missing": 0}, "too short"),
    "a negative length": ({"length": -1}, "without a length"),
    "a negative first": ({"first": -1}, "without a length"),
    "a length that is a float": ({"length": 3.0}, "without a length"),
    "a length that is true": ({"length": True}, "without a length"),
    "a type that is a text": ({"kind": "large_string"}, "not of texts"),
    "inner arrays": ({"inner": [()]}, "not of texts"),
    "a dictionary": ({"dictionary": ()}, "not of texts"),
    "bytes in place of buffers": ({"offsets": b"\0" * 32}, "three buffers"),
    "two buffers": ({"buffers": [None, None]}, "three buffers"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_buffers_are_refused(name: str) -> None:
    change, reason = FORGED[name]
    with pytest.raises(UnreadableArtifact, match=reason):
        texts.make_texts(_changed(**change))


def test_the_parts_that_are_changed_are_right_before() -> None:
    assert texts.make_texts(_changed()).values == ("aa", None, "bb")
    assert texts.make_texts(_changed(missing=-1)).values == ("aa", None, "bb")
    chunk = texts.make_texts(_changed())
    for chunks in ([chunk, chunk], [chunk, "text"], (chunk,), chunk):
        with pytest.raises(UnreadableArtifact, match="chunks"):
            texts.join_texts(chunks)


ARRAY: Any = type(stored([]))
DTYPE = pd.StringDtype("pyarrow", na_value=np.nan)


@pytest.mark.parametrize(
    "forged",
    [
        Reduced(pa.lib.py_buffer, (5,)),
        Reduced(pa.lib.type_for_alias, (5,)),
        Reduced(pa.lib._restore_array, ((1, 2, 3),)),
        Reduced(pa.lib._restore_array, (5,)),
        Reduced(pa.lib._restore_array, (_changed(),)),
        Reduced(pa.lib.chunked_array, (["text"], None)),
        Reduced(pa.lib.py_buffer, (b"a",), {"content": b"b"}),
        Reduced(pa.lib.type_for_alias, ("string",), (None, {"offsets": "O"})),
        Reduced(pd.StringDtype, ("disk", np.nan)),
        Reduced(pd.StringDtype, ("pyarrow", 5)),
        Reduced(pd.StringDtype, ("pyarrow",), {"storage": "disk"}),
        Reduced(pd.StringDtype, ("pyarrow",), (None, {"storage": "python"})),
        ARRAY,
    ],
)
def test_an_artifact_reaches_nothing_but_texts(forged: Any) -> None:
    with pytest.raises(ChangeoverError):
        load_model(pickle.dumps({"a": forged}))


@pytest.mark.parametrize(
    "state",
    [
        {"_pa_array": ["a"], "_dtype": DTYPE},
        {"_pa_array": pa.array(["a"])},
        {"_pa_array": pa.array(["a"]), "_dtype": "str"},
        {"_ndarray": np.array([5], dtype=object), "_dtype": DTYPE},
        {},
    ],
)
def test_another_state_of_an_array_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(UnreadableArtifact, match="without their values or dtype"):
        load_model(begun(state))


def test_texts_are_not_filled_twice() -> None:
    state = {"_pa_array": pa.array(["a"]), "_dtype": DTYPE}
    once = begun(state)
    assert load_model(once).tolist() == ["a"]  # type: ignore[attr-defined]
    with pytest.raises(UnreadableArtifact, match="without their values or dtype"):
        load_model(once[:-1] + pickle.dumps(state, protocol=2)[2:-1] + b"b.")


def test_other_values_of_arrow_are_refused_with_a_next_step() -> None:
    numbers = Reduced(pa.lib.type_for_alias, ("int64",))
    with pytest.raises(UnreadableArtifact, match=r"'int64'.*fit the model again"):
        load_model(pickle.dumps(numbers))
    for array in (pd.array(["a"], dtype=pd.ArrowDtype(pa.string())), pd.array([1], dtype="int64[pyarrow]")):
        with pytest.raises(ForbiddenGlobal, match="turn columns of an ArrowDtype into those of pandas"):
            load_model(pickle.dumps(array))


def test_frames_of_trusted_packages_hold_texts() -> None:
    frame = pd.DataFrame({"city": stored(WORDS), "number": range(len(WORDS))})
    for table in (frame, pd.concat([frame, frame])["city"], frame.set_index("city"), pd.MultiIndex.from_frame(frame)):
        loaded: Any = load_model(pickle.dumps(table), LoadRules(roots=("ourfeatures",)))
        assert repr(loaded) == repr(table)
        assert b"ArrowStringArray" not in pickle.dumps(loaded)


def test_damaged_texts_are_read_or_refused_by_name() -> None:
    content = pickle.dumps(pd.Index(stored([*WORDS * 3])))
    dice = random.Random(1)
    for _ in range(2_000):
        damaged = bytearray(content)
        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        with contextlib.suppress(ChangeoverError):
            load_model(bytes(damaged))


def test_code_that_is_admitted_is_read_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pickle.dumps(pd.Index(stored(WORDS)))
    monkeypatch.setattr(texts, "find_spec", lambda _name: None)  # as where pyarrow is not installed
    loaded: Any = load_model(content, LoadRules(allow_code=True))
    assert loaded.dtype.storage == "python"
    assert loaded.tolist()[:4] == WORDS[:4]
