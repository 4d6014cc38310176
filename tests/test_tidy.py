"""Rules about sizes, names and leftovers, each with a small source that breaks it."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.tree import FRONTS, OURS, ROOT, Source, source, sources

FILE_LINES = 300
FUNCTION_LINES = 60
NO_NAMES = {"manager", "handler", "handlers", "helper", "helpers", "utils", "util", "common", "misc", "core"}
LEFTOVER = re.compile(r"\b(FIX" + r"ME|TO" + r"DO|XX" + r"X|HA" + r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(work|root|home/\w+|Users/\w+)/")
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".cfg", ".txt", ".json", ""}
SKIPPED = {".venv", ".git", ".changeover", ".peers", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
SKIPPED |= {"__pycache__"}

MAY_NAME_PATHS = {"tests/test_tidy.py", "deploy/Dockerfile"}  # the paths in the Dockerfile are inside the image

EVERYTHING = [*OURS, *sources("tests", "examples", "benchmarks", "deploy", "docs")]
TESTS = [file for file in EVERYTHING if file.path.startswith("tests/")]
# modules that are started by name or imported by users only
ENTRY_POINTS = re.compile(r"(^|/)__(init|main)__\.py$")


def too_long(files: list[Source]) -> Iterator[str]:
    """Files and functions over the limit: a file should have one reason to be opened."""
    for file in files:
        lines = file.text.count("\n")
        if lines > FILE_LINES:
            yield f"{file.path} has {lines} lines, over {FILE_LINES}: look for its second reason"
        for node in ast.walk(file.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{file.path}:{node.lineno} {node.name} has {length} lines, over {FUNCTION_LINES}"


def badly_named(files: list[Source]) -> Iterator[str]:
    """Module names that do not describe the content."""
    for file in files:
        for part in file.module.split("."):
            if part in NO_NAMES or part.split("_")[-1] in NO_NAMES:
                yield f"{file.path}: a module called {part}; name its content"


def without_docstring(files: list[Source]) -> Iterator[str]:
    """Modules without a docstring."""
    for file in files:
        if file.text.strip() and not file.docstring and not file.path.startswith("tests/"):
            yield f"{file.path} has no docstring: describe its content in one line"


def swallowing(files: list[Source]) -> Iterator[str]:
    """`except:` also catches KeyboardInterrupt and SystemExit."""
    for file in files:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                yield f"{file.path}:{node.lineno} catches everything: name the exceptions"


def sleeping(files: list[Source]) -> Iterator[str]:
    """A test that sleeps is slow on a fast machine and wrong on a slow one: poll a condition with `eventually`."""
    for file in files:
        if not file.path.startswith("tests/"):
            continue
        for name, line in file.dotted_names():
            if name in {"time.sleep", "asyncio.sleep"}:
                yield f"{file.path}:{line} sleeps: wait for the condition with `eventually`"
        for one in file.imports():
            if (one.module, one.name) == ("time", "sleep"):
                yield f"{file.path}:{one.line} imports sleep: wait for the condition with `eventually`"


def unused(files: list[Source]) -> Iterator[str]:
    """Our modules that no other module of ours imports or starts by name; a test is no reason to keep one."""
    code = [file for file in files if not file.path.startswith("tests/")]
    named: dict[str, set[str]] = {}  # each dotted name that is imported or is in a string -> the modules with it
    for file in code:
        for one in file.imports():
            for name in (one.module, f"{one.module}.{one.name}"):
                named.setdefault(name, set()).add(file.module)
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for name in re.findall(r"[\w.]+", node.value):
                    named.setdefault(name.rstrip("."), set()).add(file.module)
    for file in code:
        if (
            file.path.split("/")[0] not in {one.path.split("/")[0] for one in OURS}
            or ENTRY_POINTS.search(file.path)
            or file.module in FRONTS
        ):
            continue
        if not named.get(file.module, set()) - {file.module}:
            yield f"{file.path} is imported by no module"


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the repository: (path from the root on, text)."""
    for file in sorted(ROOT.rglob("*")):
        inside = file.relative_to(ROOT)
        if SKIPPED & set(inside.parts) or file.suffix not in TEXT or not file.is_file() or file.name.startswith(".cov"):
            continue
        try:
            yield inside.as_posix(), file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def leftovers(files: list[tuple[str, str]]) -> Iterator[str]:
    """Marks of unfinished work, and paths that exist on one machine only."""
    for path, text in files:
        for number, line in enumerate(text.splitlines(), 1):
            if found := LEFTOVER.search(line):
                yield f"{path}:{number} has a leftover {found.group()}"
            if path not in MAY_NAME_PATHS and (found := MACHINE_PATH.search(line)):
                yield f"{path}:{number} names a path of one machine: {found.group()}"


RULES = [too_long, badly_named, without_docstring, swallowing, sleeping, unused]

RED = [
    (too_long, "changeover/a.py", '"""Long."""\n' + "x = 1\n" * FILE_LINES),
    (too_long, "changeover/a.py", '"""Long."""\ndef f():\n' + "    x = 1\n" * FUNCTION_LINES),
    (badly_named, "changeover/utils.py", '"""Things."""'),
    (badly_named, "predict_api/model_manager.py", '"""Manages."""'),
    (badly_named, "model_server/helpers/a.py", '"""Helps."""'),
    (without_docstring, "changeover/a.py", "x = 1"),
    (swallowing, "changeover/a.py", "try:\n    x = 1\nexcept:\n    pass"),
    (sleeping, "tests/unit/test_a.py", "import time\ndef test_a():\n    time.sleep(1)"),
    (sleeping, "tests/unit/test_a.py", "from time import sleep"),
    (unused, "changeover/a.py", '"""Like `changeover.a`, which is not needed."""'),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_our_files_keep_the_rule(rule) -> None:
    faults = list(rule(EVERYTHING))
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize(("rule", "path", "text"), RED, ids=lambda part: getattr(part, "__name__", None) or "")
def test_a_file_that_breaks_the_rule_is_named(rule, path, text) -> None:
    faults = list(rule([source(path, text)]))
    assert faults
    assert path in faults[0]


def test_nothing_unfinished_and_no_path_of_one_machine_is_left() -> None:
    faults = list(leftovers(list(texts())))
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize(
    "line", ["# FIX" + "ME", "# TO" + "DO: later", "cd /wo" + "rk/main", "x = '/home/ada/models/x'"]
)
def test_a_leftover_line_is_named(line) -> None:
    (fault,) = leftovers([("changeover/a.py", line)])
    assert "changeover/a.py:1" in fault


def test_a_module_that_is_started_by_name_is_used() -> None:
    files = [
        source("model_server/admission/child.py", '"""Runs."""'),
        source("model_server/__main__.py", 'run(["-m", "model_server.admission.child"])'),
    ]
    assert list(unused(files)) == []
