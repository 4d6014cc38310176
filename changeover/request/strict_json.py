"""A strict JSON parser: any bytes give a value or NotJson, never another error.

Carries "Bounds at the edge" of the design: strict UTF-8, no BOM, no NaN or Infinity, no number beyond a double, no
duplicate key, no half of a surrogate pair, nesting to 32.
"""

import json
import math
import re
from typing import Final, NoReturn

import msgspec

from changeover.exceptions import NotJson
from changeover.json_types import Json

DEEPEST: Final = 32
_BOM: Final = b"\xef\xbb\xbf"
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # an open one runs to the end: linear
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NEITHER: Final = bytes(set(range(256)) - set(b'[]{}"'))
_LONGEST_SURE_INTEGER: Final = 300  # digits: below a double's 1.8e308
_MOST_TO_SPLIT: Final = 20_000  # objects; past that, the pieces would take more memory than the time is worth
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_COLONS: Final = (b'":', b" :", b"\t:", b"\r:", b"\n:")


def parse(body: bytes) -> Json:
    """The value that `body` is; raises NotJson saying what is wrong and where.

    The fast parser is believed only where nothing is left to doubt; else the careful one decides, and says why.
    """
    objects = body.count(b"{")  # or more, where strings hold some
    if (_shallow(body, objects) or not _too_deep(body)) and not _may_hold_many_digits(body):
        try:
            value: Json = msgspec.json.decode(body)
        except ValueError:
            return _with_care(body)
        if _no_key_twice(value, body, objects):
            return value
    return _with_care(body)


def _shallow(body: bytes, objects: int) -> bool:
    """Whether it is plain without a look at strings that brackets do not nest past DEEPEST."""
    arrays = body.count(b"[")
    if arrays + objects <= DEEPEST:
        return True
    if 2 * arrays + 1 > DEEPEST or objects > _MOST_TO_SPLIT:
        return False
    # an object that stands after a comma or in an array is inside an array: each level of arrays has one of objects
    _, *inside = body.split(b"{")
    return all(before[-8:].rstrip(b" \t\r\n").endswith((b",", b"[")) for before in inside[:-1])


def _may_hold_many_digits(body: bytes) -> bool:
    """Whether there may be as many digits in a row as make an integer too large; every tenth byte tells."""
    if len(body) < _LONGEST_SURE_INTEGER:
        return False
    return b"0" * (_LONGEST_SURE_INTEGER // 10 - 1) in body[::10].translate(_DIGITS)


def _no_key_twice(value: Json, body: bytes, objects: int) -> bool:
    """Whether `value` plainly has as many keys as were written: each takes a colon, and none was overwritten."""
    rows = value if isinstance(value, list) else [value]
    flat = objects == len(rows) and all(type(row) is dict for row in rows)
    keys = sum(map(len, rows)) if flat else _keys_in(value)  # type: ignore[arg-type]
    return not may_repeat_keys(body, keys)


def may_repeat_keys(body: bytes, keys: int) -> bool:
    """Whether more keys may stand in `body` than the `keys` that were found: False only if there are plainly not."""
    if keys == body.count(b":"):
        return False
    # there are colons in strings: those that end a key come after a quote or white space
    return keys != sum(map(body.count, _COLONS))


def _keys_in(value: Json) -> int:
    keys, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            keys += len(part)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return keys


def _with_care(body: bytes) -> Json:
    if body.startswith(_BOM):
        raise NotJson("the body begins with a byte order mark: send UTF-8 without one")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    if not text.strip(" \t\r\n"):
        raise NotJson("the body is empty: send a JSON object (one row) or an array of objects (a batch)")
    if _too_deep(body):
        raise NotJson(f"the body nests arrays and objects deeper than {DEEPEST}")
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotJson(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if _SURROGATE.search(body):
        _refuse_half_pairs(value)
    return value


def _too_deep(body: bytes) -> bool:
    """Whether brackets nest past DEEPEST; False also for what cannot be JSON but is shallow enough to be parsed."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    if b"\\" in body:
        body = _STRING.sub(b"", body)
    # without escapes, taking out two quotes that stand together never changes what is inside a string
    skeleton = body.translate(_BRACKETS, _NEITHER).replace(b'""', b"")
    if b'"' in skeleton:
        skeleton = _STRING.sub(b"", skeleton)
    for _ in range(DEEPEST):  # each round takes out the innermost level
        shorter = skeleton.replace(b"[]", b"")
        if len(shorter) == len(skeleton):
            break
        skeleton = shorter
    return b"[]" in skeleton or skeleton.count(b"[") > DEEPEST


def _refuse_half_pairs(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotJson("a string holds half of a surrogate pair: write the character itself, or both halves") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise NotJson(f"an object has the key {name[:40]!r} twice")
            seen.add(name)
    return found


def _float(text: str) -> float:
    found = float(text)
    if found - found == 0.0:  # finite
        return found
    raise NotJson(f"the number {text[:40]} does not fit into a double")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_SURE_INTEGER and math.isinf(float(text)):
        raise NotJson(f"the number {text[:20]}... of {len(text)} characters does not fit into a double")
    return int(text)


def _constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON: send null for a missing value")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_constant
)
