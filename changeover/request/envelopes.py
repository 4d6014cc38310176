"""Bodies in the form of other prediction servers: each is refused with the form that this server takes.

The names are those of the servers' own documents: TensorFlow Serving and KServe (`instances`), the Open Inference
Protocol (`inputs`), MLflow (`dataframe_split`), Azure ML (`input_data`), Seldon (`data` with `ndarray`), BentoML.
"""

from typing import Final

from changeover.exceptions import RequestFaults
from changeover.json_types import JsonObject
from changeover.schema.schema import Schema

_SPLIT: Final = '{"columns": ..., "data": ...}'
_ARRAY: Final = '[{"<column>": ...}, ...]'
# the server that takes it, and its content, by the member that holds the rows; more special members stand first
_SERVERS: Final = {
    "dataframe_split": ("MLflow's ", _SPLIT),
    "dataframe_records": ("MLflow's ", _ARRAY),
    "instances": ("TensorFlow Serving's ", _ARRAY),
    "input_data": ("Azure ML's ", _SPLIT),
    "Inputs": ("Azure ML's ", ""),
    "inputs": ("", ""),
    "input": ("", ""),
    "data": ("", ""),
    "rows": ("", ""),
    "records": ("", ""),
    "features": ("", ""),
    "samples": ("", ""),
    "X": ("", ""),
}


def refuse_envelope(value: JsonObject, schema: Schema) -> None:
    """Raise RequestFaults with the next step if `value` holds its rows in a member that another server expects.

    An object that names a column of the model, or the columns of its `data`, is no envelope.
    """
    name = next((name for name in _SERVERS if isinstance(value.get(name), dict | list)), None)
    if name is not None and "columns" not in value and schema.by_name.keys().isdisjoint(value):
        message = f"the body is {_described(name, value[name])} alone"
        raise RequestFaults([{"row": None, "field": name, "message": message}], 1)


def _described(name: str, content: object) -> str:
    """What the body is, and what to send."""
    if isinstance(content, dict) and "ndarray" in content:
        return f"Seldon's {name} with ndarray: send a row as an object, or an array of rows as objects, {_ARRAY},"
    first = content[0] if isinstance(content, list) and content else None
    if name == "inputs" and isinstance(first, dict) and first.keys() >= {"name", "data"}:
        column = first["name"] if isinstance(first["name"], str) and len(first["name"]) <= 40 else "<column>"
        return f'the Open Inference Protocol\'s inputs: send the columns, {{"{column}": [...], ...}},'
    server, form = _SERVERS[name]
    described = f"{server}{name}" if server else f"an object with its rows in {name!r}"
    return f"{described}: send its content{f', {form},' if form else ''}"
