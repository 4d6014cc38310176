"""The fault catalogue of `docs/faults.md`, compared both ways with the tests that prove it.

A test names its rows in its docstring: "Fault 14: ...", "Faults 3 and 4: ...". `python -m tests.faults.catalogue`
writes the last column of the table from them.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "faults.md"
REQUIRED = {
    *range(1, 7),
    *range(9, 27),
    29,
    *range(32, 37),
    *range(37, 43),
    *range(45, 54),
    57,
    58,
    *range(60, 69),
    70,
    71,
    72,
    73,
    74,
    75,
    77,
    78,
    80,
    86,
    87,
}
NOT_INJECTED = "not injected: "

_NAMED = re.compile(r"\bFaults? (\d+(?:(?:, | and )\d+)*):")
_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    number: int
    fault: str
    expected: str
    proof: str

    def __str__(self) -> str:
        return f"| {self.number} | {self.fault} | {self.expected} | {self.proof} |"


def rows(text: str) -> list[Row]:
    """The table's rows."""
    return [Row(int(match[1]), match[2], match[3], match[4].strip()) for match in _ROW.finditer(text)]


def named_in(docstring: str) -> set[int]:
    """The rows that a docstring names."""
    return {int(number) for numbers in _NAMED.findall(docstring) for number in re.findall(r"\d+", numbers)}


def proofs() -> dict[int, list[str]]:
    """Row -> the tests that name it, `file::test`, in order."""
    tests: dict[int, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in named_in(ast.get_docstring(node) or ""):
                    tests.setdefault(number, []).append(f"{file.relative_to(ROOT).as_posix()}::{node.name}")
    return {number: sorted(names) for number, names in tests.items()}


def rewritten(text: str) -> str:
    """The document with the last column written from the tests; a row without a test keeps its text."""
    known = proofs()

    def row(match: re.Match[str]) -> str:
        (old,) = rows(match[0])
        tests = known.get(old.number)
        return str(Row(old.number, old.fault, old.expected, proof_of(tests) if tests else old.proof))

    return _ROW.sub(row, text)


def proof_of(tests: list[str]) -> str:
    """The text of the last column: the tests grouped by file."""
    by_file: dict[str, list[str]] = {}
    for test in tests:
        file, name = test.split("::")
        by_file.setdefault(file, []).append(f"`{name}`")
    return "; ".join(f"`{file}`: {', '.join(names)}" for file, names in by_file.items())


if __name__ == "__main__":
    DOCUMENT.write_text(rewritten(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
