"""The two request bodies of the exercise, as bytes and as rows."""

import json
from pathlib import Path
from typing import Final, Literal

from changeover.json_types import JsonObject

DATA: Final = Path(__file__).resolve().parent / "data"


def body(name: Literal["single", "batch"]) -> bytes:
    """The body as it is sent: `single` is an object, `batch` an array of four."""
    return (DATA / f"segmentation_{name}.json").read_bytes()


def body_rows() -> list[JsonObject]:
    """The rows of both bodies, the single one first."""
    rows: list[JsonObject] = [json.loads(body("single")), *json.loads(body("batch"))]
    return rows
