"""The Open Inference Protocol v2 over REST, with binary tensors: what KServe, Triton and MLServer speak.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md

On `/v2` the header Inference-Header-Content-Length decides whether raw tensors follow the JSON; Content-Type is ignored,
since tritonclient sends none.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec

from changeover.estimator.scores import Scores
from changeover.schema.schema import Schema
from predict_api.dialects.dialect import Ask, Attribution, Call, Dialect, PlainJson, Reply
from predict_api.dialects.inference_request import RAW_SIZE, InferenceRequest, columns, parse, refuse_other_content_type
from predict_api.dialects.one_row_form import Forms, Parts, parts_of
from predict_api.dialects.raw_tensors import raw_of
from predict_api.dialects.sentences import fault
from predict_api.exceptions import InvalidCall

HEAD_LENGTH: Final = "Inference-Header-Content-Length"
LABELS, PROBABILITIES, CLASSES = "predict", "predict_proba", "classes"
_LABELS_TOO: Final = "output-0"  # another name of the labels, for clients of KServe's examples
_DATATYPES: Final = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}
_INT64: Final = range(-(2**63), 2**63)
_MOST_DIGITS: Final = 20
_json: Final = msgspec.json.Encoder().encode
_ONE_ROW: Final = (
    b'{"name":"predict","shape":[1,1],"datatype":"%b","parameters":{"content_type":"%b"},"data":%b},'
    b'{"name":"predict_proba","shape":[1,%d],"datatype":"FP64","parameters":{"content_type":"np"},"data":%b}'
)
_OCTETS: Final = (("Content-Type", "application/octet-stream"),)


class Wants(NamedTuple):
    """The id of a request, the names of its outputs, if it gives any, and those of them that should be raw."""

    id: str | None
    outputs: Sequence[str] | None
    raw: frozenset[str]
    all_raw: bool = False


_FORMS: Final = Forms[Wants]()


def read(call: Call, schema: Schema, max_rows: int) -> Ask[Wants]:  # noqa: ARG001 the reader of columns counts the rows
    """What a call asks for; raises NotJson, InvalidCall or RequestFaults."""
    length = _head_length(call)
    if length is not None:
        return _read_json(call.body[:length], call.body[length:], schema)
    parts = parts_of(call.body)
    found = _FORMS.find(parts) if parts is not None else None
    if parts is None or found is None:
        return _read_json(call.body, b"", schema, parts)
    form = found.form
    wants = form.wants if parts.id is None else form.wants._replace(id=parts.id)
    return Ask(PlainJson(found.row, partial(_read_json, call.body, b"", schema), form.names), wants)


def _read_json(head: bytes, raw: bytes, schema: Schema, parts: Parts | None = None) -> Ask[Wants]:
    request, row = parse(head, schema, raw)
    refuse_other_content_type(request)
    wants = _wants(request)
    if row is None:
        return Ask(columns(request, memoryview(raw), schema), wants)
    if parts is not None and request.id == parts.id:
        _FORMS.learn(parts, list(row), wants._replace(id=None))
    return Ask(row, wants)


def _head_length(call: Call) -> int | None:
    """The length of the JSON in the body, or None if it is all of it; raises InvalidCall."""
    text = call.headers.get(HEAD_LENGTH, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS) or int(text) > len(call.body):
        raise InvalidCall(
            f"{HEAD_LENGTH} is {text[:40]!r}: send the number of bytes of the JSON, at most the {len(call.body)} of the body"
        )
    return int(text)


def _wants(request: InferenceRequest[Any]) -> Wants:
    parameters = request.parameters
    all_raw = _flag(parameters, "binary_data_output", default=False)
    asked = request.outputs
    if not asked:
        return Wants(request.id, None, frozenset(), all_raw)
    for output in asked:
        if output.name not in {LABELS, PROBABILITIES, CLASSES, _LABELS_TOO} and not _is_of_one_output(output.name):
            raise InvalidCall(f"there is no output {output.name!r}: ask for {LABELS}, {PROBABILITIES} or {CLASSES}")
    names = [output.name for output in asked]
    if len(set(names)) < len(names):
        raise InvalidCall(f"outputs names one output twice: {', '.join(names[:20])}")
    raw = frozenset(output.name for output in asked if _flag(output.parameters, "binary_data", default=all_raw))
    return Wants(request.id, names, raw)


def _flag(parameters: Mapping[str, object] | None, name: str, *, default: bool) -> bool:
    """A parameter that is true or false; raises InvalidCall."""
    value = parameters.get(name, default) if parameters else default
    if isinstance(value, bool):
        return value
    raise InvalidCall(f"the parameter {name} is true or false")


def _is_of_one_output(name: str) -> bool:
    """Whether this is `predict_proba.0` or the like, of a model that predicts several values."""
    return re.fullmatch(rf"{PROBABILITIES}\.\d{{1,4}}", name) is not None


class _Tensor(NamedTuple):
    shape: list[int]
    datatype: str
    cells: Sequence[Any]


def write(scores: Scores, ask: Ask[Wants], attribution: Attribution) -> Reply:
    """The response; raises InvalidCall for an output that the model does not have."""
    wants = ask.wants
    raws: list[bytes] = []
    described = _one_row(scores, wants)
    if described is None:
        described, raws = _outputs(scores, wants)
    manifest = attribution.manifest
    head = b'{"model_name":%b,"model_version":%b,"id":%b,"outputs":[%b]}' % (
        _json(manifest.model),
        _json(manifest.version),
        _json(wants.id if wants.id is not None else attribution.request_id),
        described,
    )
    if not raws:
        return Reply(head)
    return Reply(b"".join([head, *raws]), [*_OCTETS, (HEAD_LENGTH, str(len(head)))])


def _one_row(scores: Scores, wants: Wants) -> bytes | None:
    """The same as `_outputs` for the usual request, one row and no words about outputs; None for any other."""
    labels, probabilities, classes = scores.labels, scores.probabilities, scores.classes
    if wants.outputs or wants.all_raw or len(labels) != 1 or not probabilities or not classes:
        return None
    if isinstance(labels[0], list) or isinstance(classes[0], list):
        return None
    datatype = datatype_of(labels)
    kind = b"str" if datatype == "BYTES" else b"np"
    if datatype == "BYTES" and type(labels[0]) is not str:
        return None
    return _ONE_ROW % (datatype.encode(), kind, _json(labels), len(classes), _json(probabilities[0]))


def _outputs(scores: Scores, wants: Wants) -> tuple[bytes, list[bytes]]:
    """The JSON of the outputs, and the raw tensors of those that should be raw."""
    described: list[bytes] = []
    raws: list[bytes] = []
    for name in wants.outputs or _available(scores):
        tensor = _output(name, scores)
        if tensor is None:
            raise InvalidCall(f"this model has no output {name!r}: it has {', '.join(_available(scores))}")
        raw = None
        if name in wants.raw or (wants.all_raw and not wants.outputs):
            raw = raw_of(tensor.datatype, tensor.cells)
            raws.append(raw)
        described.append(_described(name, tensor, raw))
    return b",".join(described), raws


def _described(name: str, tensor: _Tensor, raw: bytes | None) -> bytes:
    """The JSON of an output; written in one go, since a dictionary for each costs a tenth of a request."""
    return b'{"name":%b,"shape":%b,"datatype":"%b","parameters":{"content_type":"%b"%b}' % (
        _json(name),
        _json(tensor.shape),
        tensor.datatype.encode(),
        b"str" if tensor.datatype == "BYTES" else b"np",
        b'},"data":%b' % _json(tensor.cells) if raw is None else b',"%b":%d}' % (RAW_SIZE.encode(), len(raw)),
    )


def _available(scores: Scores) -> list[str]:
    """The names of the outputs that there are; classes only on request."""
    if scores.probabilities is None or scores.classes is None:
        return [LABELS]
    if _has_several_outputs(scores.classes):
        return [LABELS, *(f"{PROBABILITIES}.{index}" for index in range(len(scores.classes)))]
    return [LABELS, PROBABILITIES]


def _has_several_outputs(classes: Sequence[Any]) -> bool:
    return bool(classes) and isinstance(classes[0], list)


def _output(name: str, scores: Scores) -> _Tensor | None:
    """One output of the model, or None if it has no such output."""
    labels, probabilities, classes = scores.labels, scores.probabilities, scores.classes
    rows = len(labels)
    if name in {LABELS, _LABELS_TOO}:
        if rows and isinstance(labels[0], list):
            return _tensor([rows, len(labels[0])], list(chain.from_iterable(labels)))
        return _tensor([rows, 1], labels)
    if probabilities is None or classes is None:
        return None
    if not _has_several_outputs(classes):
        if name == PROBABILITIES:
            return _Tensor([rows, len(classes)], "FP64", list(chain.from_iterable(probabilities)))
        return _tensor([len(classes)], classes) if name == CLASSES else None
    index = int(name.rpartition(".")[2]) if _is_of_one_output(name) else len(classes)
    if index >= len(classes):
        return None
    cells = list(chain.from_iterable([row[index] for row in probabilities]))
    return _Tensor([rows, len(classes[index])], "FP64", cells)


def _tensor(shape: list[int], cells: Sequence[Any]) -> _Tensor:
    datatype = datatype_of(cells)
    if datatype == "BYTES" and not all(type(cell) is str for cell in cells):
        cells = [json.dumps(cell) for cell in cells]
    return _Tensor(shape, datatype, cells)


def datatype_of(values: Sequence[Any]) -> str:
    """The datatype of labels: BYTES for strings, and for labels of several types, which are sent as JSON."""
    kinds = set(map(type, values))
    if kinds == {int, float}:
        return "FP64"
    if len(kinds) != 1:
        return "BYTES"
    kind = kinds.pop()
    if kind is int and not (min(values) in _INT64 and max(values) in _INT64):
        return "BYTES"
    return _DATATYPES.get(kind, "BYTES")


OPEN_INFERENCE: Final = Dialect(
    name="oip",
    paths=("/v2", "/v2/"),
    calls=re.compile(r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer"),
    read=read,
    write=write,
    fault=fault,
)
