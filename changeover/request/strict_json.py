"""A strict JSON parser: any bytes give a value or NotJson, never another error.

RFC 8259 in strict UTF-8, with these limits: no BOM, no NaN or Infinity, no number beyond a double, no duplicate key, no
unpaired surrogate, at most 32 levels of nesting.
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
_STRING: Final = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL
)  # an unterminated string runs to the end: linear time
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NEITHER: Final = bytes(set(range(256)) - set(b'[]{}"'))
_LONGEST_SURE_INTEGER: Final = 300  # digits: stays below a double's 1.8e308
_NESTED: Final = (dict, list)
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_COLONS: Final = (b'":', b" :", b"\t:", b"\r:", b"\n:")


def parse(body: bytes) -> Json:
    """Parse `body`; raises NotJson with the problem and its position.

    The result of the fast parser counts only where cheap checks exclude every difference. Otherwise the strict parser
    decides.
    """
    if not _too_deep(body) and not _may_hold_many_digits(body):
        try:
            value: Json = msgspec.json.decode(body)
        except ValueError:
            return _parse_strictly(body)
        if not may_repeat_keys(body, _keys_in(value)):
            return value
    return _parse_strictly(body)


def _may_hold_many_digits(body: bytes) -> bool:
    """Whether a run of digits may be long enough for a too large integer; samples every tenth byte."""
    if len(body) < _LONGEST_SURE_INTEGER:
        return False
    return b"0" * (_LONGEST_SURE_INTEGER // 10 - 1) in body[::10].translate(_DIGITS)


def may_repeat_keys(body: bytes, keys: int) -> bool:
    """Whether `body` may hold more keys than the `keys` parsed from it; False is certain."""
    if keys == body.count(b":"):
        return False
    # strings hold colons too: a colon after a key follows a quote or white space
    return keys != sum(map(body.count, _COLONS))


def _keys_in(value: Json) -> int:
    keys, nested = 0, [value]
    while nested:
        part = nested.pop()
        if isinstance(part, dict):
            keys += len(part)
            nested += [member for member in part.values() if type(member) in _NESTED]
        elif isinstance(part, list):
            nested += [member for member in part if type(member) in _NESTED]
    return keys


def _parse_strictly(body: bytes) -> Json:
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
    """Whether brackets nest past DEEPEST; False also for invalid JSON that is shallow enough to parse."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    if b"\\" in body:
        body = _STRING.sub(b"", body)
    # without escapes, removing two adjacent quotes never changes what is inside a string
    skeleton = body.translate(_BRACKETS, _NEITHER).replace(b'""', b"")
    if b'"' in skeleton:
        skeleton = _STRING.sub(b"", skeleton)
    for _ in range(DEEPEST):  # each round removes the innermost level
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
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise NotJson(f"an object has the key {name[:40]!r} twice")
            seen.add(name)
    return members


def _float(text: str) -> float:
    number = float(text)
    if number - number == 0.0:  # finite
        return number
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
