"""The plan of a run: its files, their fragments, and the names of the parts of its output.

The plan follows from the files, the version and the output alone, so a run that is started again has the same one: its
id, its fragments and the bytes of each part are the same.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from bulk_score.exceptions import NotATable, NothingThere
from changeover.exceptions import ChangeoverError

FORMAT: Final = 1
SUCCESS: Final = "_SUCCESS"
FOLDER: Final = "_changeover"
SUFFIXES: Final = {".parquet": "parquet", ".csv": "csv"}
ROWS: Final = 131_072  # of row groups that are scored together


class InputFile(msgspec.Struct, frozen=True):
    """A file below the input: its relative name, its bytes, and a mark that a change of it changes.

    `header` is where the first line of a CSV file ends.
    """

    name: str
    size: int
    mark: str
    header: int = 0


class Fragment(msgspec.Struct, frozen=True):
    """A piece of a file: the row groups of Parquet, or the bytes of CSV, from `first` to before `end`.

    `row` is the number of its first row in the file, from 0, and `rows` how many it has.
    """

    file: int
    first: int
    end: int
    row: int
    rows: int


class Output(msgspec.Struct, frozen=True):
    """What is written: the kind of file, the columns kept beside the answers, and the types of the answers."""

    kind: str
    keep: list[str]
    answers: list[str]


class Plan(msgspec.Struct, frozen=True):
    """A run. `twin` is the hash of the ONNX twin that scores, empty without one."""

    run: str
    model: str
    version: str
    twin: str
    output: Output
    files: list[InputFile]
    fragments: list[Fragment]
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """The rows of all fragments."""
        return sum(fragment.rows for fragment in self.fragments)

    def to_bytes(self) -> bytes:
        """The JSON form, read back by `read_plan`."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def part(self, index: int) -> str:
        """The name of the part with the answers to a fragment."""
        piece = msgspec.json.encode([self.run, self.fragments[index]])
        return f"part-{index:05d}-{hashlib.sha256(piece).hexdigest()[:16]}.{self.output.kind}"

    def success(self) -> bytes:
        """The content of `_SUCCESS`: the rows of each part."""
        parts = [{"part": self.part(index), "rows": piece.rows} for index, piece in enumerate(self.fragments)]
        body = {"run": self.run, "model": self.model, "version": self.version, "rows": self.rows, "parts": parts}
        return msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n"


def plan_name(run: str) -> str:
    """The name of the plan of a run below the output."""
    return f"{FOLDER}/{run}/plan.json"


def read_plan(content: bytes) -> Plan:
    """Read the output of `to_bytes`; raises ChangeoverError."""
    try:
        return msgspec.json.decode(content, type=Plan)
    except msgspec.MsgspecError as error:
        raise ChangeoverError(f"the plan of this run cannot be read ({error}): choose another output folder") from error


def new_plan(
    model: str, version: str, twin: str, output: Output, files: Sequence[InputFile], fragments: Sequence[Fragment]
) -> Plan:
    """The plan, with the id of its run: a hash of the files, the version and the output."""
    named = msgspec.json.encode([FORMAT, model, version, twin, output, [*files]])
    run = hashlib.sha256(named).hexdigest()
    return Plan(run, model, version, twin, output, [*files], [*fragments])


def kind_of(name: str) -> str | None:
    """`parquet` or `csv` by the end of a name; None for other names, and for those that begin with `_` or `.`."""
    parts = name.split("/")
    if any(part.startswith(("_", ".")) for part in parts):
        return None
    return next((kind for suffix, kind in SUFFIXES.items() if name.lower().endswith(suffix)), None)


def tables_of(files: Sequence[InputFile], place: str) -> list[InputFile]:
    """The tables among the files, in the order of their names; raises NothingThere."""
    found = sorted((file for file in files if kind_of(file.name)), key=lambda file: file.name)
    if not found:
        raise NothingThere(f"{place} has no file that ends in .parquet or .csv: name a file, or a folder with some")
    return found


def output_kind(asked: str | None, files: Sequence[InputFile]) -> str:
    """The kind of the output: the one asked for, else that of the input, Parquet for both."""
    kinds = {kind_of(file.name) or "" for file in files}
    return asked or ("csv" if kinds == {"csv"} else "parquet")


def row_groups(file: int, rows: Sequence[int]) -> list[Fragment]:
    """The fragments of a Parquet file whose row groups have so many rows: small ones are put together."""
    fragments: list[Fragment] = []
    first = start = total = 0
    for index, size in enumerate(rows):
        if total and total + size > ROWS:
            fragments.append(Fragment(file, first, index, start, total))
            first, start, total = index, start + total, 0
        total += size
    if total:
        fragments.append(Fragment(file, first, len(rows), start, total))
    return fragments


def check_rows(name: str, expected: int, found: int) -> None:
    """Raise NotATable if a fragment does not have the rows that the plan counted."""
    if expected != found:
        raise NotATable(
            f"{name} has {found} rows where the plan counted {expected}: end its lines by a line feed, write a quote within "
            "a cell twice and the cell in quotes (RFC 4180), and do not change the file while it is scored"
        )
