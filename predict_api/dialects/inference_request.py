"""A request of the Open Inference Protocol: its JSON, its tensors, and the columns that they stand for."""

import base64
import binascii
import math
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import msgspec
import numpy as np
from msgspec.structs import astuple

from changeover.exceptions import RequestFaults
from changeover.request import strict_json
from changeover.request.cells import Cells, Columns
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Schema
from predict_api.dialects.raw_tensors import DATATYPES, DTYPES, array_of, strings_of
from predict_api.exceptions import InvalidCall

RAW_SIZE: Final = "binary_data_size"
_Value = str | int | float | bool | None
_Data = list[_Value | list[_Value]]  # flat, or nested by rows; no deeper, so that decoding needs no limit of its own
_KNOWN: Final = frozenset(DATATYPES)
_TENSOR_TYPES: Final = frozenset({None, "np", "str", "base64", "datetime"})
_REQUEST_TYPES: Final = frozenset({None, "pd", "np", "str"})
_first: Final = itemgetter(0)
_TEXTS: Final = {"true": True, "false": False}  # in a matrix of strings


class Tensor(msgspec.Struct, gc=False):
    """An input: its name, its shape of one or two dimensions, its datatype, and its cells unless they are raw."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: _Data | None = None
    parameters: dict[str, _Value] | None = None


class Output(msgspec.Struct, gc=False):
    """An output that is asked for."""

    name: str
    parameters: dict[str, _Value] | None = None


class InferenceRequest(msgspec.Struct, gc=False):
    """The JSON of a request; other members are ignored."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, _Value] | None = None
    outputs: list[Output] | None = None


_DECODER: Final = msgspec.json.Decoder(InferenceRequest)


def parse(body: bytes) -> tuple[InferenceRequest, dict[str, Any] | None]:
    """The request in the JSON of a body, and the cells of its tensors if they are plain; raises NotJson or InvalidCall.

    Plain tensors are flat JSON of one shape without parameters.
    """
    try:
        request = _DECODER.decode(body)
    except (ValueError, RecursionError):
        return _parse_strictly(body), None
    plain = _plain_columns(request)
    of_tensors = 4 * len(request.inputs) if plain is not None else _keys_of_tensors(request.inputs)
    if strict_json.may_repeat_keys(body, of_tensors + _other_keys(request)):
        return _parse_strictly(body), None
    return request, plain


def _parse_strictly(body: bytes) -> InferenceRequest:
    value = strict_json.parse(body)
    try:
        return msgspec.convert(value, InferenceRequest)
    except msgspec.ValidationError as error:
        raise InvalidCall(f"the body is no inference request: {error}") from None


def _keys_of_tensors(inputs: Sequence[Tensor]) -> int:
    """The number of keys in the JSON of tensors that have no member but these."""
    keys = 4 * len(inputs)
    for tensor in inputs:
        keys += _keys_of(tensor.parameters) - (tensor.data is None)
    return keys


def _other_keys(request: InferenceRequest) -> int:
    """The number of keys in the rest of a request that has no member but these."""
    outputs = request.outputs or ()
    keys = 1 + (request.id is not None) + (request.outputs is not None) + _keys_of(request.parameters)
    return keys + sum([1 + _keys_of(output.parameters) for output in outputs])


def _keys_of(parameters: dict[str, _Value] | None) -> int:
    return 0 if parameters is None else 1 + len(parameters)


def columns(request: InferenceRequest, plain: Columns | None, raw: memoryview, schema: Schema) -> Columns:
    """The cells of each column, from tensors that are columns or from one that is a matrix.

    `raw` has the raw tensors, in the order of `inputs`; `plain` is what `parse` gave. Raises InvalidCall or RequestFaults.
    """
    if plain is not None and not len(raw) and not plain.keys().isdisjoint(schema.by_name):
        return plain
    kind = (request.parameters or {}).get("content_type")
    if kind not in _REQUEST_TYPES:
        raise InvalidCall(f"the content_type {kind!r} of the request is not taken: send pd, np or str")
    tensors: dict[str, tuple[Tensor, Cells]] = {}
    for tensor in request.inputs:
        if tensor.name in tensors:
            raise InvalidCall(f"there are two tensors {tensor.name!r}")
        cells, raw = _cells(tensor, raw)
        tensors[tensor.name] = tensor, cells
    if len(raw):
        raise InvalidCall(f"{len(raw)} bytes follow the last raw tensor: each {RAW_SIZE} counts towards the body")
    if tensors.keys().isdisjoint(schema.by_name):
        return _matrix(tensors, schema)
    for name, (tensor, _) in tensors.items():
        if len(tensor.shape) == 2 and tensor.shape[1] != 1:
            raise InvalidCall(f"tensor {name!r} has the shape {list(tensor.shape)}: send a column as [n] or [n, 1]")
    return {name: cells for name, (_, cells) in tensors.items()}


def _plain_columns(request: InferenceRequest) -> dict[str, Any] | None:
    """The cells of tensors that are flat JSON of one shape, without parameters; None for others.

    It makes a tenth of the calls of the general way: one row of a hundred columns is a hundred tensors.
    """
    if request.parameters or not request.inputs:
        return None
    names, shapes, datatypes, data, parameters = zip(*map(astuple, request.inputs), strict=True)
    shape = shapes[0]
    if parameters.count(None) != len(names) or len(set(shapes)) > 1 or set(map(type, data)) != {list}:
        return None
    if not shape or not shape[0] or shape[1:] not in {(), (1,)} or set(map(len, data)) != {shape[0]}:
        return None
    cells = dict(zip(names, data, strict=True))
    if len(cells) != len(names) or list in map(type, map(_first, data)) or not _KNOWN.issuperset(datatypes):
        return None
    return cells


def _cells(tensor: Tensor, raw: memoryview) -> tuple[Cells, memoryview]:
    """The cells of a tensor, and the raw bytes that follow it; raises InvalidCall or RequestFaults."""
    name, parameters = tensor.name, tensor.parameters or {}
    if tensor.datatype not in _KNOWN:
        raise InvalidCall(f"tensor {name!r} has the datatype {tensor.datatype!r}: send one of {', '.join(DATATYPES)}")
    if len(tensor.shape) not in {1, 2} or min(tensor.shape) < 0:
        raise InvalidCall(f"tensor {name!r} has the shape {list(tensor.shape)}: send one or two dimensions")
    kind = parameters.get("content_type")
    if kind not in _TENSOR_TYPES:
        raise InvalidCall(f"tensor {name!r} has the content_type {kind!r}: send np, str, base64 or datetime")
    leaves, size = math.prod(tensor.shape), parameters.get(RAW_SIZE)
    cells: Cells
    if size is None:
        cells = _flat(tensor, leaves)
    else:
        if type(size) is not int or not 0 <= size <= len(raw) or tensor.data is not None:
            raise InvalidCall(
                f"tensor {name!r} has {RAW_SIZE} {size!r}: send the number of its bytes after the JSON, of which "
                f"{len(raw)} are left, no data beside it, and the header Inference-Header-Content-Length"
            )
        own, raw = raw[:size], raw[size:]
        if tensor.datatype in DTYPES:
            cells = array_of(name, tensor.datatype, leaves, own)
        else:
            cells = strings_of(name, leaves, own)
    return (_from_base64(name, cells) if kind == "base64" else cells), raw


def _flat(tensor: Tensor, leaves: int) -> Cells:
    """The cells of a tensor in JSON."""
    data: Sequence[Any] = tensor.data if tensor.data is not None else []
    if any(type(part) is list for part in data):
        rows, width = tensor.shape if len(tensor.shape) == 2 else (len(data), -1)
        if width < 0 or len(data) != rows or any(type(part) is not list or len(part) != width for part in data):
            raise InvalidCall(
                f"tensor {tensor.name!r} nests its data in another form than its shape {list(tensor.shape)}"
            )
        data = list(chain.from_iterable(data))
    if len(data) != leaves:
        raise InvalidCall(
            f"tensor {tensor.name!r} has {len(data)} values in data, and {leaves} by its shape {list(tensor.shape)}"
        )
    return data


def _from_base64(name: str, cells: Cells) -> list[Any]:
    """The texts of a tensor of base64; raises RequestFaults."""
    texts: list[Any] = []
    for index, cell in enumerate(cells):
        try:
            texts.append(None if cell is None else base64.b64decode(cell, validate=True).decode())
        except (TypeError, ValueError, binascii.Error):
            fault: dict[str, str | int | None] = {"row": index, "field": name, "message": "this is no base64 of UTF-8"}
            raise RequestFaults([fault], 1) from None
    return texts


def _matrix(tensors: dict[str, tuple[Tensor, Cells]], schema: Schema) -> Columns:
    """The columns of a single tensor, by their positions."""
    names = list(schema.by_name)
    width = len(names)
    if len(tensors) != 1:
        shown = ", ".join(names[:20]) + (", ..." if width > 20 else "")
        raise InvalidCall(f"send one tensor per column ({shown}) or one [n, {width}] tensor")
    ((tensor, cells),) = tensors.values()
    if tensor.shape[-1] != width:
        raise InvalidCall(
            f"tensor {tensor.name!r} has the shape {list(tensor.shape)}, the model takes {width} columns: send one "
            f"[n, {width}] tensor, or one tensor per column by its name"
        )
    if isinstance(cells, np.ndarray):
        return dict(zip(names, np.ascontiguousarray(cells.reshape(-1, width).T), strict=True))
    flat = list(cells)
    by_name: dict[str, Any] = {name: flat[index::width] for index, name in enumerate(names)}
    for column in schema.columns:
        if column.type is ColumnType.BOOLEAN:
            by_name[column.name] = [
                _TEXTS.get(cell.lower(), cell) if type(cell) is str else cell for cell in by_name[column.name]
            ]
    return by_name
