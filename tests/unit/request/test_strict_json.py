"""The strict JSON parser: any bytes give a value or one named error."""

import contextlib
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from changeover.demo.bodies import body
from changeover.exceptions import NotJson
from changeover.request.strict_json import DEEPEST, _parse_strictly, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


@given(JSON, st.booleans())
def test_json_is_read_as_it_was_written(value: object, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary())
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'"\\' * 10_000)
@example(b'"\\"' * 10_000 + b"[" * 50)
@example(b"]" * 100)
@example(b"9" * 5000)
@example(b"-" + b"9" * 5000)
@example(b"\xff")
@example(b'{"a":1,"a":2}')
def test_any_bytes_are_a_value_or_not_json(data: bytes) -> None:
    with contextlib.suppress(NotJson):
        parse(data)


@given(st.text(alphabet='[]{}",:\\u0dDa1 e-.NI', max_size=60))
def test_any_near_miss_is_a_value_or_not_json(text: str) -> None:
    try:
        value = parse(text.encode())
    except NotJson:
        return
    assert value == json.loads(text)


NEARLY = st.lists(
    st.sampled_from([
        '{"a"', '"b:c"', '"\\":', '{"a":1,"a":2}', '{"a":{"b":[{"c":1}]}}', "{", "}", "[", "]", "[{", "},{", ",", ":", " :",
        "1", "-2e5", "1e308", "17074374118436673954.8e290", "9" * 310, "null", '"\\u00e9"', "\ud83d", "é", "\n",
    ])
)  # fmt: skip


@given(NEARLY)
@example(['{"a"', ":", "[", *["{}", ","] * 40, "1]}"])
def test_the_fast_parser_is_believed_only_where_the_careful_one_says_the_same(parts: list[str]) -> None:
    data = "".join(parts).encode("utf-8", "surrogatepass")
    try:
        careful = _parse_strictly(data)
    except NotJson as error:
        with pytest.raises(NotJson, match=f"^{re.escape(str(error))}$"):
            parse(data)
        return
    assert repr(parse(data)) == repr(careful)


def test_a_key_given_twice_is_found_in_every_row_and_however_it_is_written() -> None:
    rows = [{"a": "12:30", "b": {"c": ":"}}] * 3
    for colon in (":", " :", "\t: ", "\n:"):
        for index in range(3):
            texts = [json.dumps(row) for row in rows]
            assert parse(f"[{','.join(texts)}]".encode()) == rows
            texts[index] = f'{{"a"{colon}1,"a"{colon}2}}'
            with pytest.raises(NotJson, match="the key 'a' twice"):
                parse(f"[{','.join(texts)}]".encode())


def test_an_integer_too_large_is_found_wherever_it_stands() -> None:
    for before in range(40):
        for written in ("9" * 310, "-" + "1" * 4000):
            with pytest.raises(NotJson, match="does not fit into a double"):
                parse(f'{{"{"x" * before}":{written}}}'.encode())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a": "ü"}'.encode("latin-1"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": Infinity}', "Infinity is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1e999}', "does not fit into a double"),
        (b'{"a": -1e999}', "does not fit into a double"),
        (b'{"a": ' + b"9" * 400 + b"}", "does not fit into a double"),
        (b'{"a": ' + b"9" * 5000 + b"}", "does not fit into a double"),
        (b'{"a": 1, "b": 2, "a": 1}', "the key 'a' twice"),
        (b'[{"a": {"b": 1, "b": 1}}]', "the key 'b' twice"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'{"a": 1,}', "line 1, column"),
        (b"{'a': 1}", "line 1, column 2"),
        (b'{"a": 1} {"a": 2}', "line 1, column 10"),
        (b'{"a": "line\nbreak"}', "control character"),
        (b"<html>", "line 1, column 1"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(NotJson, match=why):
        parse(data)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_allowed_to_the_bound_and_not_past_it(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    inner = "[]" if opening == "[" else "{}"

    def nested(depth: int) -> bytes:
        return (opening * (depth - 1) + inner + closing * (depth - 1)).encode()

    assert parse(nested(DEEPEST)) is not None
    for depth in (DEEPEST + 1, 1000, 100_000):
        with pytest.raises(NotJson, match="deeper than 32"):
            parse(nested(depth))


def test_brackets_in_strings_are_no_nesting() -> None:
    for text in ("[" * 100, '"[' * 100, "\\[" * 100, '\\"]{' * 100):
        value = [{"a": text, text: ""}] * 3
        assert parse(json.dumps(value).encode()) == value


def test_brackets_in_strings_hide_no_nesting() -> None:
    for text in ("]" * 100, '"]' * 100, '\\"]' * 100):
        body_ = json.dumps([text])[:-1] + "," + "[" * 40 + "]" * 40 + "]"
        with pytest.raises(NotJson, match="deeper than 32"):
            parse(body_.encode())


def test_many_rows_side_by_side_are_no_nesting() -> None:
    value = [{"a": [1, {"b": {}}], "c": ""}] * 500
    assert parse(json.dumps(value).encode()) == value


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_a_batch_cut_off_anywhere_is_refused() -> None:
    whole = body("batch").rstrip()
    for end in range(1, len(whole), 97):
        with pytest.raises(NotJson):
            parse(whole[:end])
