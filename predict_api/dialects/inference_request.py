"""A request of the Open Inference Protocol: its JSON, its tensors, and the columns that they stand for."""

import base64
import binascii
import math
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from changeover.exceptions import RequestFaults
from changeover.request import strict_json
from changeover.request.cells import Cells, Columns
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Schema
from predict_api.dialects.raw_tensors import DATATYPES, DTYPES, array_of, strings_of
from predict_api.exceptions import InvalidCall

RAW_SIZE: Final = "binary_data_size"
_Value = str | int | float | bool | None
Parameters = dict[str, _Value]
_Data = list[_Value | list[_Value]]  # flat, or nested by rows; no deeper, so that decoding needs no limit of its own
_KNOWN: Final = frozenset(DATATYPES)
_TENSOR_TYPES: Final = frozenset({"np", "str", "base64", "datetime"})
_REQUEST_TYPES: Final = frozenset({"pd", "np", "str"})
_name, _data = attrgetter("name"), attrgetter("data")
_TEXTS: Final = {"true": True, "false": False}  # in a matrix of strings


class Tensor(msgspec.Struct, gc=False):
    """An input: its name, its shape of one or two dimensions, its datatype, and its cells unless they are raw."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: _Data | None = None
    parameters: Parameters | None = None


class Output(msgspec.Struct, gc=False):
    """An output that is asked for."""

    name: str
    parameters: Parameters | None = None


_Tensor = TypeVar("_Tensor")


class InferenceRequest(msgspec.Struct, Generic[_Tensor], gc=False):
    """The JSON of a request; other members are ignored."""

    inputs: list[_Tensor]
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[Output] | None = None


class _OneCell(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An input of one cell in JSON, as a request for one row has it for each column."""

    name: str
    shape: Annotated[tuple[Annotated[int, Meta(ge=1, le=1)], ...], Meta(min_length=1, max_length=2)]
    datatype: Literal[DATATYPES]  # type: ignore[valid-type]
    data: tuple[_Value]


_DECODER: Final = msgspec.json.Decoder(InferenceRequest[Tensor])
_ONE_ROW: Final = msgspec.json.Decoder(InferenceRequest[_OneCell])


def parse(body: bytes, schema: Schema, raw: bytes = b"") -> tuple[InferenceRequest[Any], Columns | None]:
    """The request in the JSON of a body, and the cells of its columns if it is one row of cells in JSON.

    `raw` is what follows the JSON.

    Raises NotJson or InvalidCall.
    """
    try:
        row = _ONE_ROW.decode(body)
        columns = dict(zip(map(_name, row.inputs), map(_data, row.inputs), strict=True))
        if not raw and len(columns) == len(row.inputs) and not columns.keys().isdisjoint(schema.by_name):
            keys = 4 * len(columns) + _other_keys(row)
            return (_parse_strictly(body), None) if strict_json.may_repeat_keys(body, keys) else (row, columns)
    except (ValueError, RecursionError):  # other tensors, or no JSON
        pass
    try:
        request = _DECODER.decode(body)
    except (ValueError, RecursionError):
        return _parse_strictly(body), None
    repeats = strict_json.may_repeat_keys(body, _keys_of_tensors(request.inputs) + _other_keys(request))
    return _parse_strictly(body) if repeats else request, None


def _parse_strictly(body: bytes) -> InferenceRequest[Tensor]:
    value = strict_json.parse(body)
    try:
        return msgspec.convert(value, InferenceRequest[Tensor])
    except msgspec.ValidationError as error:
        raise InvalidCall(f"the body is no inference request: {error}") from None


def _keys_of_tensors(inputs: Sequence[Tensor]) -> int:
    """The number of keys in the JSON of tensors that have no member but these."""
    keys = 4 * len(inputs)
    for tensor in inputs:
        keys += _keys_of(tensor.parameters) - (tensor.data is None)
    return keys


def refuse_other_content_type(request: InferenceRequest[Any]) -> None:
    """Raise InvalidCall for a content type of the request that is not taken."""
    kind = request.parameters.get("content_type", "pd") if request.parameters else "pd"
    if kind not in _REQUEST_TYPES:
        raise InvalidCall(f"the content_type {kind!r} of the request is not taken: send pd, np or str")


def _other_keys(request: InferenceRequest[Any]) -> int:
    """The number of keys in the rest of a request that has no member but these."""
    outputs = request.outputs or ()
    keys = 1 + (request.id is not None) + (request.outputs is not None) + _keys_of(request.parameters)
    return keys + sum([1 + _keys_of(output.parameters) for output in outputs])


def _keys_of(parameters: Parameters | None) -> int:
    return 0 if parameters is None else 1 + len(parameters)


def columns(request: InferenceRequest[Tensor], raw: memoryview, schema: Schema) -> Columns:
    """The cells of each column, from tensors that are columns or from one that is a matrix.

    `raw` has the raw tensors, in the order of `inputs`. Raises InvalidCall or RequestFaults.
    """
    tensors: dict[str, tuple[Tensor, Cells]] = {}
    for tensor in request.inputs:
        if tensor.name in tensors and tensor.name in schema.by_name:
            raise InvalidCall(f"there are two tensors {tensor.name!r}")
        cells, raw = _cells(tensor, raw)
        tensors[tensor.name] = tensor, cells
    if len(raw):
        raise InvalidCall(f"{len(raw)} bytes follow the last raw tensor: each {RAW_SIZE} counts towards the body")
    if tensors.keys().isdisjoint(schema.by_name):
        return _matrix([*tensors.values()] if len(tensors) == len(request.inputs) else [], schema)
    for name, (tensor, _) in tensors.items():
        if len(tensor.shape) == 2 and tensor.shape[1] != 1:
            raise InvalidCall(f"tensor {name!r} has the shape {list(tensor.shape)}: send a column as [n] or [n, 1]")
    return {name: cells for name, (_, cells) in tensors.items()}


def _cells(tensor: Tensor, raw: memoryview) -> tuple[Cells, memoryview]:
    """The cells of a tensor, and the raw bytes that follow it; raises InvalidCall or RequestFaults."""
    name, parameters = tensor.name, tensor.parameters or {}
    if tensor.datatype not in _KNOWN:
        raise InvalidCall(f"tensor {name!r} has the datatype {tensor.datatype!r}: send one of {', '.join(DATATYPES)}")
    if len(tensor.shape) not in {1, 2} or min(tensor.shape) < 0:
        raise InvalidCall(f"tensor {name!r} has the shape {list(tensor.shape)}: send one or two dimensions")
    kind = parameters.get("content_type", "np")
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
    if list in set(map(type, data)):
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


def _matrix(tensors: Sequence[tuple[Tensor, Cells]], schema: Schema) -> Columns:
    """The columns of a single tensor, by their positions; raises InvalidCall for another number of tensors."""
    names = list(schema.by_name)
    width = len(names)
    if len(tensors) != 1:
        shown = ", ".join(names[:20]) + (", ..." if width > 20 else "")
        raise InvalidCall(f"send one tensor per column ({shown}) or one [n, {width}] tensor")
    ((tensor, cells),) = tensors
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
