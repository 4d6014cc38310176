"""The plan of a run follows from its files, its version and its output."""

import io
import json

import pytest

from bulk_score.csv_blocks import blocks_of
from bulk_score.exceptions import NotATable, NothingThere
from bulk_score.plan import (
    ROWS,
    Fragment,
    InputFile,
    Output,
    Plan,
    check_rows,
    kind_of,
    new_plan,
    output_kind,
    read_plan,
    row_groups,
    tables_of,
)
from changeover.exceptions import ChangeoverError

FILES = [InputFile("a.parquet", 10, "1"), InputFile("b.parquet", 20, "2")]
PIECES = [Fragment(0, 0, 2, 0, 5), Fragment(1, 0, 1, 0, 7)]
OUTPUT = Output("parquet", [], ["prediction: string"])


def plan(**changes: object) -> Plan:
    given: dict[str, object] = {"twin": "t", "output": OUTPUT, "files": FILES, "fragments": PIECES, **changes}
    return new_plan("loan", str(given.pop("version", "v")), **given)  # type: ignore[arg-type]


def test_the_same_run_has_the_same_id_and_the_same_parts() -> None:
    assert plan() == plan()
    assert read_plan(plan().to_bytes()) == plan()
    assert plan().part(0) != plan().part(1)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "w"},
        {"twin": "u"},
        {"output": Output("csv", [], OUTPUT.answers)},
        {"output": Output("parquet", ["id"], OUTPUT.answers)},
        {"files": [FILES[0], InputFile("b.parquet", 20, "3")]},
        {"files": [FILES[0], InputFile("c.parquet", 20, "2")]},
    ],
)
def test_another_file_version_or_output_is_another_run(changes: dict[str, object]) -> None:
    assert plan(**changes).run != plan().run
    assert plan(**changes).part(0) != plan().part(0)


def test_the_last_file_counts_the_rows_of_each_part() -> None:
    body = json.loads(plan().success())
    assert (body["rows"], [part["rows"] for part in body["parts"]]) == (12, [5, 7])


def test_a_plan_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ChangeoverError, match="choose another output folder"):
        read_plan(b"{}")


def test_tables_are_taken_in_order_and_hidden_files_are_not() -> None:
    names = ["z.CSV", "_SUCCESS", "a/x.parquet", "_changeover/p.csv", ".tmp.csv", "notes.txt"]
    found = tables_of([InputFile(name, 1, "") for name in names], "here")
    assert [file.name for file in found] == ["a/x.parquet", "z.CSV"]
    assert (kind_of("z.CSV"), output_kind(None, found), output_kind("csv", found)) == ("csv", "parquet", "csv")
    assert output_kind(None, found[1:]) == "csv"
    with pytest.raises(NothingThere, match="here has no file"):
        tables_of([InputFile("notes.txt", 1, "")], "here")


def test_small_row_groups_are_scored_together_and_none_is_left_out() -> None:
    sizes = [ROWS // 2, ROWS // 2, 1, 0, 3 * ROWS, 2]
    pieces = row_groups(4, sizes)
    assert [(piece.first, piece.end, piece.rows) for piece in pieces] == [
        (0, 2, ROWS),
        (2, 4, 1),
        (4, 5, 3 * ROWS),
        (5, 6, 2),
    ]
    assert [piece.row for piece in pieces] == [0, ROWS, ROWS + 1, 4 * ROWS + 1]
    assert row_groups(0, [0]) == []


def test_a_fragment_with_other_rows_than_planned_is_an_error() -> None:
    check_rows("a.csv", 3, 3)
    with pytest.raises(NotATable, match=r"a\.csv has 2 rows where the plan counted 3"):
        check_rows("a.csv", 3, 2)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 64])
def test_blocks_of_csv_end_between_rows_whatever_is_in_quotes(size: int) -> None:
    rows = ['1,"a\nb"', '2,"say ""so""\n\n"', "3,c", "", "4,d\r", "5,e"]
    text = "\n" + "n,t\n" + "\n".join(rows)
    content = text.encode()
    header, blocks = blocks_of(io.BytesIO(content), size)
    assert content[:header] == b"\nn,t\n"
    assert sum(block.rows for block in blocks) == 5
    pieces = [content[block.first : block.end] for block in blocks]
    assert b"".join(pieces).replace(b"\n\n4", b"\n4") in (content[header:].replace(b"\n\n4", b"\n4"), content[header:])
    assert all(piece.count(b'"') % 2 == 0 for piece in pieces)


def test_a_file_without_a_line_has_no_header() -> None:
    assert blocks_of(io.BytesIO(b"\n\n")) == (0, [])
    assert blocks_of(io.BytesIO(b"a,b")) == (4, [])
