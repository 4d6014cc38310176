"""The check of a model's encoding, before any library parses it: known fields only, and not many of them.

An empty message takes two bytes in a file and a hundred in memory, so the number of fields is bounded first. Fields
that no table lists are refused: graphs inside attributes, functions, training, external data, sparse tensors, and
those of later releases, whose meaning is unknown here. The encoding is protobuf's
(https://protobuf.dev/programming-guides/encoding/), the numbers are those of `onnx.proto`.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from changeover.onnx_twin.exceptions import GraphRefused

MOST_FIELDS: Final = 500_000  # a few microseconds each
_DEEPEST: Final = 10
_LONGEST_VARINT: Final = 10
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SKIPPED: Final = {_FIXED64: 8, _FIXED32: 4}


class _Field(NamedTuple):
    """A field: its wire type, the message inside, whether it may occur many times, whether it is UTF-8."""

    wire: int
    message: str = ""
    many: bool = False
    text: bool = False


_INTEGER, _DATA, _LISTED = _Field(_VARINT), _Field(_BYTES), _Field(_BYTES, many=True)
_TEXT, _TEXTS = _Field(_BYTES, text=True), _Field(_BYTES, many=True, text=True)
_INTEGERS: Final = _Field(_VARINT, many=True)
_NOTES: Final = _Field(_BYTES, "note", many=True)
_MESSAGES: Final[Mapping[str, Mapping[int, _Field]]] = {
    "model": {
        1: _INTEGER,
        2: _TEXT,
        3: _TEXT,
        4: _TEXT,
        5: _INTEGER,
        6: _TEXT,
        7: _Field(_BYTES, "graph"),
        8: _Field(_BYTES, "operator set", many=True),
        14: _NOTES,
    },
    "operator set": {1: _TEXT, 2: _INTEGER},
    "note": {1: _TEXT, 2: _TEXT},
    "graph": {
        1: _Field(_BYTES, "node", many=True),
        2: _TEXT,
        5: _Field(_BYTES, "tensor", many=True),
        10: _TEXT,
        **dict.fromkeys((11, 12, 13), _Field(_BYTES, "value", many=True)),
        16: _NOTES,
    },
    "node": {
        1: _TEXTS,
        2: _TEXTS,
        3: _TEXT,
        4: _TEXT,
        6: _TEXT,
        7: _TEXT,
        5: _Field(_BYTES, "attribute", many=True),
        9: _NOTES,
    },
    "attribute": {
        1: _TEXT,
        2: _Field(_FIXED32),
        3: _INTEGER,
        4: _DATA,
        13: _TEXT,
        20: _INTEGER,
        5: _Field(_BYTES, "tensor"),
        7: _Field(_FIXED32, many=True),
        8: _INTEGERS,
        9: _LISTED,
    },
    "tensor": {
        1: _INTEGERS,
        2: _INTEGER,
        8: _TEXT,
        9: _DATA,
        12: _TEXT,
        14: _INTEGER,
        **dict.fromkeys((4, 5, 6, 7, 10, 11), _LISTED),  # lists of numbers are packed
        16: _NOTES,
    },
    "value": {1: _TEXT, 2: _Field(_BYTES, "type"), 3: _TEXT, 4: _NOTES},
    "type": {
        1: _Field(_BYTES, "tensor type"),
        4: _Field(_BYTES, "sequence type"),
        5: _Field(_BYTES, "map type"),
        6: _TEXT,
    },
    "tensor type": {1: _INTEGER, 2: _Field(_BYTES, "shape")},
    "sequence type": {1: _Field(_BYTES, "type")},
    "map type": {1: _INTEGER, 2: _Field(_BYTES, "type")},
    "shape": {1: _Field(_BYTES, "dimension", many=True)},
    "dimension": {1: _INTEGER, 2: _TEXT, 3: _TEXT},
}
_NAMES: Final = {
    ("model", 20): "a training graph",
    ("model", 25): "functions",
    ("graph", 15): "sparse initializers",
    ("attribute", 6): "a graph inside an attribute",
    ("attribute", 11): "graphs inside an attribute",
    ("attribute", 22): "a sparse tensor",
    ("tensor", 13): "external data",
}
# the long runs of trees, skipped by one match each: integers, floats, modes of nodes
_RUNS: Final = {
    0x40: re.compile(rb"(?:\x40[\x80-\xff]{0,9}+[\x00-\x7f])++"),
    0x3D: re.compile(rb"(?:\x3d.{4})++", re.DOTALL),
    0x4A: re.compile(
        rb"(?:\x4a(?:\x04LEAF|\x0aBRANCH_LEQ|\x09BRANCH_LT|\x0aBRANCH_GTE|\x09BRANCH_GT|\x09BRANCH_EQ|\x0aBRANCH_NEQ))++"
    ),
}


def check_encoding(content: bytes) -> None:
    """Check every field of a model's bytes; raises GraphRefused."""
    if content[4:8] == b"ORTM":  # onnxruntime would read the bytes in its own format instead
        raise GraphRefused("the bytes are in the format of onnxruntime: export the model as ONNX")
    _Walk(content).message("model", 0, len(content), 0)


class _Walk:
    """One walk over the fields of a model."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._fields = 0

    def message(self, name: str, start: int, end: int, depth: int) -> None:
        """Check the message between two positions."""
        if depth > _DEEPEST:
            raise GraphRefused(f"the {name} is nested too deeply")
        known, seen, position = _MESSAGES[name], set[int](), start
        while position < end:
            if name == "attribute" and (run := _RUNS.get(self._content[position])):
                found = run.match(self._content, position, end)
                if found:
                    position = found.end()
                    continue
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise GraphRefused(f"the graph has more than {MOST_FIELDS} parts")
            tag, position = self._varint(position, end)
            number, wire = tag >> 3, tag & 7
            field = known.get(number)
            if field is None:
                what = _NAMES.get((name, number), f"an unknown field {number} in a {name}, or is no ONNX model")
                raise GraphRefused(f"the graph has {what}")
            if wire != field.wire:
                raise GraphRefused(f"the field {number} of a {name} has another type than ONNX gives it")
            if not field.many:
                if number in seen:
                    raise GraphRefused(f"a {name} has its field {number} twice")
                seen.add(number)
            position = self._after(field, position, end, depth)

    def _after(self, field: _Field, position: int, end: int, depth: int) -> int:
        """The position after the value of a field."""
        if field.wire == _VARINT:
            return self._varint(position, end)[1]
        size = _SKIPPED.get(field.wire)
        if size is None:
            size, position = self._varint(position, end)
        if size > end - position:
            raise GraphRefused("the graph is cut off, or is no ONNX model")
        if field.message:
            self.message(field.message, position, position + size, depth + 1)
        elif field.text:
            try:
                self._content[position : position + size].decode()
            except UnicodeDecodeError:
                raise GraphRefused("the graph has a text that is not UTF-8") from None
        return position + size

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        value = 0
        for index in range(_LONGEST_VARINT):
            if position >= end:
                break
            byte = self._content[position]
            position += 1
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value, position
        raise GraphRefused("the graph is cut off, or is no ONNX model")
