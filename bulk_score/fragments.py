"""One fragment of a run: its rows read, scored in batches, and the answers as the bytes of one part."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bulk_score.answers import array_of
from bulk_score.csv_blocks import blocks_of
from bulk_score.exceptions import NotATable, RowsAtFault
from bulk_score.places import Input
from bulk_score.plan import Fragment, InputFile, Plan, check_rows, kind_of, row_groups
from bulk_score.scorer import BatchScorer
from changeover.exceptions import NotCsv, RequestFaults, RowsNotAnswered, ScoringFailed
from changeover.request.csv_columns import read_csv

BATCH: Final = 8192  # rows: 100 columns of doubles stay in the cache of a processor
_MORE_THAN_ANY: Final = 1 << 62
_GROUP: Final = 1 << 20  # rows of a row group of the output


def pieces_of(place: Input, index: int, file: InputFile) -> tuple[InputFile, list[Fragment]]:
    """The file as the plan has it, and its fragments; raises NotATable, InputChanged or an error of the place."""
    with place.open(file) as opened:
        if kind_of(file.name) == "csv":
            header, blocks = blocks_of(opened)
            if not header:
                raise NotATable(f"{file.name} is empty: its first line has the names of the columns")
            fragments, row = [], 0
            for block in blocks:
                fragments.append(Fragment(index, block.first, block.end, row, block.rows))
                row += block.rows
            return InputFile(file.name, file.size, file.mark, header), fragments
        with _parquet(file, opened) as table:
            described = table.metadata
            sizes = [described.row_group(group).num_rows for group in range(described.num_row_groups)]
            return file, row_groups(index, sizes)


def part_of(plan: Plan, index: int, place: Input, scorer: BatchScorer) -> bytes:
    """The bytes of the part with the answers to a fragment. Raises RowsAtFault naming file, row and column."""
    fragment = plan.fragments[index]
    file = plan.files[fragment.file]
    with place.open(file) as opened:
        if kind_of(file.name) == "csv":
            batches = [_csv_rows(file, fragment, opened, scorer, plan.output.keep)]
        else:
            batches = list(_parquet_rows(file, fragment, opened, scorer))
    found = sum(batch.num_rows for batch in batches)
    check_rows(file.name, fragment.rows, found)
    if plan.output.kind == "csv":
        return _as_csv(batches)
    return _as_parquet(batches, plan, scorer)


def _parquet_rows(
    file: InputFile, fragment: Fragment, opened: BinaryIO, scorer: BatchScorer
) -> Iterator[pa.RecordBatch]:
    with _parquet(file, opened) as table:
        names = _needed(table.schema_arrow.names, scorer)
        groups = list(range(fragment.first, fragment.end))
        row = fragment.row
        for batch in table.iter_batches(BATCH, row_groups=groups, columns=names, use_threads=False):
            try:
                yield scorer(batch)
            except (RequestFaults, ScoringFailed) as error:
                raise _at_fault(error, file.name, row) from error
            row += batch.num_rows


def _csv_rows(
    file: InputFile, fragment: Fragment, opened: BinaryIO, scorer: BatchScorer, keep: list[str]
) -> pa.RecordBatch:
    header = opened.read(file.header)
    opened.seek(fragment.first)
    block = opened.read(fragment.end - fragment.first)
    try:
        cells = read_csv(header + block, scorer.schema, _MORE_THAN_ANY)
        rows = max(map(len, cells.values()), default=0)
        absent = [name for name in keep if name not in cells]
        if absent:
            raise NotATable(f"{file.name} has no column {absent[0]!r} to keep; it has {', '.join(list(cells)[:20])}")
        kept = [array_of([_as_text(cell) for cell in _listed(cells[name])], pa.string()) for name in keep]
        checked: dict[str, Any] = {
            name: part for name, part in cells.items() if name not in keep or name in scorer.schema.by_name
        }
        answers = scorer.answers(checked, rows)
    except NotCsv as error:
        raise NotATable(f"{file.name}, after its row {fragment.row}: {error}") from error
    except (RequestFaults, ScoringFailed) as error:
        raise _at_fault(error, file.name, fragment.row) from error
    fields = [*(pa.field(name, pa.string()) for name in keep), *scorer.fields]
    return pa.RecordBatch.from_arrays([*kept, *answers], schema=pa.schema(fields))


def _needed(there: list[str], scorer: BatchScorer) -> list[str] | None:
    """The columns to read: all, so that one that is not known is refused, unless the schema ignores those."""
    return there if scorer.forbids_others else [name for name in there if scorer.uses(name)]


def _at_fault(error: RequestFaults | ScoringFailed, name: str, first: int) -> Exception:
    """The error with the name of the file, and rows as the file has them."""
    if isinstance(error, RequestFaults):
        listed, total = error.errors, error.total
    elif isinstance(error, RowsNotAnswered):
        listed, total = [dict(one) for one in error.errors], error.total or len(error.errors)
    else:
        return RowsAtFault(f"{name}, rows from {first} on: {error}")
    lines = []
    for one in listed[:3]:
        row = one["row"]
        at = [f"row {int(row) + first}"] if row is not None else []
        at += [f"column {one['field']}"] if one["field"] is not None else []
        lines.append(f"{', '.join([name, *at])}: {one['message']}")
    more = f" (and {total - len(lines)} more in this piece)" if total > len(lines) else ""
    return RowsAtFault(
        f"{'; '.join(lines)}{more}. Rows count from 0. Mend the file, and start again with another output folder"
    )


def _parquet(file: InputFile, opened: BinaryIO) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(opened, pre_buffer=False)
    except pa.ArrowException as error:
        raise NotATable(f"{file.name} is no Parquet file that can be read: {str(error)[:200]}") from error


def _listed(cells: Any) -> list[Any]:
    return cells.tolist() if isinstance(cells, np.ndarray) else list(cells)


def _as_text(cell: object) -> str | None:
    missing = cell is None or cell != cell  # NaN
    return None if missing else cell if isinstance(cell, str) else json.dumps(cell)


def _as_parquet(batches: list[pa.RecordBatch], plan: Plan, scorer: BatchScorer) -> bytes:
    metadata = {
        "changeover.model": plan.model,
        "changeover.model_version": plan.version,
        "changeover.run": plan.run,
        "changeover.schema": json.dumps(scorer.manifest.schema),
    }
    schema = batches[0].schema.with_metadata(metadata)
    sink = pa.BufferOutputStream()
    repeated = [name for name in schema.names if name in ("prediction", "model_version")]
    with pq.ParquetWriter(sink, schema, use_dictionary=repeated) as writer:
        writer.write_table(pa.Table.from_batches(batches).replace_schema_metadata(metadata), row_group_size=_GROUP)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _as_csv(batches: Iterable[pa.RecordBatch]) -> bytes:
    """CSV with a header; lists as the text of JSON."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for index, batch in enumerate(batches):
        if not index:
            writer.writerow(batch.schema.names)
        columns = [map(_cell, column.to_pylist()) for column in batch.columns]
        writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | bool) else value
