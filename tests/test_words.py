"""The vocabulary of the code: one spelling of states and headers, and prose without retired words.

States and headers are spelt in `changeover/protocol/wire.py` only. Docstrings, comments and help texts use the standard
words of the field and those of `docs/glossary.md`.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from changeover.protocol import wire
from tests.tree import OURS, PACKAGES, ROOT, Source, source, sources

WIRE = "changeover/protocol/wire.py"
HEADERS = {
    value
    for name, value in vars(wire).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, str)
}
# the prose of these folders is plain English; the rules below keep it so
PLAIN_FOLDERS = (*PACKAGES, "benchmarks", "docs", "examples", "tests")
# this file, which quotes the retired words
EXEMPT = ("tests/test_words.py",)
PAGES = ("*.md", "docs/*.md", "benchmarks/**/*.md", "examples/**/*.md")
LONGEST_FIRST_LINE = 120
# retired word -> the word to use
RETIRED = {
    r"who|whom|whoever|whomever": "the caller, a thread, a worker",
    r"nobody|somebody|someone|anybody|anyone": "no caller, another process, any client",
    r"the design": "a path or a section that a reader can open",
    r"anew": "again",
    r"besides": "also, beside",
    r"at once": "immediately",
    r"made up": "sample, synthetic",
    r"life|lives": "run",
    r"fed": "gets, takes",
    r"gaps?": "missing value, null",
    r"complain\w*": "error output, stderr",
    r"roster": "models",
    r"told|said": "logged, reported, returned",
}
STATES = {str(state) for enum in (wire.VersionState, wire.RolloutState) for state in enum}


def headers_spelt_again(files: list[Source]) -> Iterator[str]:
    """A header's name as a text of its own, in any case of letters, outside wire.py."""
    known = {header.lower(): header for header in HEADERS}
    for file in files:
        if file.path == WIRE:
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in known:
                yield f"{file.path}:{node.lineno} spells {node.value!r} itself: it is in {WIRE}"


def states_spelt_again(files: list[Source]) -> Iterator[str]:
    """A state as a text where a state is meant: `"state": "committed"`, `state="committed"`, `x.state == "committed"`."""
    for file in files:
        if file.path == WIRE:
            continue
        for node in ast.walk(file.tree):
            for literal in _state_literals(node):
                if isinstance(literal, ast.Constant) and isinstance(literal.value, str):
                    known = "the enum is" if literal.value in STATES else "no such state is"
                    yield f"{file.path}:{literal.lineno} spells the state {literal.value!r} itself: {known} in {WIRE}"


def _state_literals(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "state":
                yield value
    elif isinstance(node, ast.keyword) and node.arg == "state":
        yield node.value
    elif isinstance(node, ast.Compare) and any(_is_a_state(one) for one in (node.left, *node.comparators)):
        for one in (node.left, *node.comparators):
            yield from one.elts if isinstance(one, ast.Tuple | ast.Set | ast.List) else [one]


def _is_a_state(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "state"
    return (isinstance(node, ast.Attribute) and node.attr == "state") or (
        isinstance(node, ast.Name) and node.id == "state"
    )


def prose(file: Source) -> Iterator[tuple[int, str]]:
    """Docstrings, comments, and what help texts and descriptions of settings say, each with its line."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text
        elif isinstance(node, ast.keyword) and node.arg in {"description", "help"}:
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value
    for token in tokenize.generate_tokens(io.StringIO(file.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def messages(file: Source) -> Iterator[tuple[int, str]]:
    """The strings of more than one word that are no docstrings: messages, summaries, reasons."""
    docstrings = {id(node.value) for node in ast.walk(file.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Constant) or id(node) in docstrings:
            continue
        if isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value


def retired_words(files: list[Source]) -> Iterator[str]:
    """A retired word in prose or in a message; names in backticks are code."""
    for file in files:
        for line, text in (*prose(file), *messages(file)):
            plain = re.sub(r"`[^`]*`", "", text)
            for word, standard in RETIRED.items():
                for match in re.finditer(rf"\b(?:{word})\b", plain, re.IGNORECASE):
                    yield f"{file.path}:{line} says {match[0]!r}: write {standard}"


def pages(*paths: Path) -> Iterator[tuple[str, int, str]]:
    """The prose of Markdown pages, each line with its page and number; code blocks and names in backticks are code."""
    for path in paths:
        fenced = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            fenced ^= line.startswith("```")
            if not fenced and not line.startswith(("```", "    ")):
                yield path.relative_to(ROOT).as_posix(), number, re.sub(r"`[^`]*`", "", line)


def retired_words_of_pages(lines: Iterable[tuple[str, int, str]]) -> Iterator[str]:
    """A retired word on a page."""
    for page, number, text in lines:
        for word, standard in RETIRED.items():
            for match in re.finditer(rf"\b(?:{word})\b", text, re.IGNORECASE):
                yield f"{page}:{number} says {match[0]!r}: write {standard}"


def vague_first_lines(files: list[Source]) -> Iterator[str]:
    """A module's first line that does not begin with the thing it names, or that is too long."""
    for file in files:
        first = file.docstring.partition("\n")[0]
        if re.match(r"(?:What|Who|Whoever|Whose|How|Where|Whether|When|Why|Which)\b", first):
            yield f"{file.path}:1 begins with {first.split()[0]!r}: name the thing and its kind"
        if len(file.text.partition("\n")[0]) > LONGEST_FIRST_LINE:
            yield f"{file.path}:1 is longer than {LONGEST_FIRST_LINE} characters"


def test_the_states_are_those_of_the_protocol() -> None:
    assert {str(state) for state in wire.VersionState} == {"admitted", "rejected", "current", "retired", "removed"}
    assert {str(state) for state in wire.RolloutState} == {"preparing", "fencing", "committed", "aborted"}


def test_the_headers_are_those_of_the_protocol() -> None:
    answers = {"Lease-Ms", "Next-Version", "Repr-Digest", "Model-Name", "Model-Version", "Model-Sequence"}
    assert answers | {"Model-Stale", "Model-Age"} <= HEADERS


@pytest.mark.parametrize("rule", [headers_spelt_again, states_spelt_again], ids=lambda rule: rule.__name__)
def test_nothing_of_the_wire_is_spelt_twice(rule) -> None:
    faults = list(rule(OURS))
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize("rule", [retired_words, vague_first_lines], ids=lambda rule: rule.__name__)
def test_prose_is_plain_english(rule) -> None:
    files = [file for file in sources(*PLAIN_FOLDERS) if not file.path.startswith(EXEMPT)]
    faults = list(rule(files))
    assert not faults, "\n" + "\n".join(faults)


def test_the_pages_are_plain_english() -> None:
    paths = sorted(path for pattern in PAGES for path in ROOT.glob(pattern))
    faults = list(retired_words_of_pages(pages(*paths)))
    assert not faults, "\n" + "\n".join(faults)


def test_a_page_in_dialect_is_named() -> None:
    lines = [("docs/a.md", 1, "Whoever asks waits."), ("docs/a.md", 2, "It is written anew.")]
    assert len(list(retired_words_of_pages(lines))) == 2


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (retired_words, '"""Whoever asks waits."""'),
        (retired_words, '"""The lock."""\n# nobody waits for it'),
        (retired_words, '"""The lock."""\n\ndef f():\n    """A port of somebody else."""'),
        (retired_words, '"""Carries the section "Trust" of the design."""'),
        (retired_words, '"""Writes it anew."""'),
        (retired_words, '"""Fields besides the columns."""'),
        (retired_words, '"""Raises at once."""'),
        (retired_words, '"""A row made up from a schema."""'),
        (retired_words, '"""The newest of its former lives."""'),
        (retired_words, '"""The input that a model is fed."""'),
        (retired_words, '"""A column with gaps."""'),
        (retired_words, '"""The lock."""\n# of what an import complained of'),
        (retired_words, '"""The roster of models."""'),
        (retired_words, '"""Logs what it was told."""'),
        (retired_words, '"""The settings."""\nport = Field(description="the port for whoever asks")'),
        (retired_words, '"""The options."""\nport = option("--port", help=f"whom to ask, {PORT} by default")'),
        (retired_words, 'raise ValueError("nobody answers at this address")'),
        (retired_words, 'reason = f"{key} is lost; roll anew"'),
        (vague_first_lines, '"""What the services share."""'),
        (vague_first_lines, '"""Who answers, and when.\n\nMore.\n"""'),
        (vague_first_lines, '"""Whether the services answer."""'),
        (vague_first_lines, f'"""{"A very long line. " * 8}"""'),
    ],
)
def test_prose_in_dialect_is_named(rule, text) -> None:
    assert list(rule([source("changeover/a.py", text)]))


def test_a_retired_word_in_code_is_no_fault() -> None:
    text = '"""The record; `who` names the client."""\nwho = "somebody"\ntold = whose\n'
    assert list(retired_words([source("changeover/a.py", text)])) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (headers_spelt_again, 'response.headers["Model-Version"]'),
        (headers_spelt_again, 'LEASE = "lease-ms"'),
        (states_spelt_again, 'body = {"state": "committed"}'),
        (states_spelt_again, 'Row(state="commited")'),
        (states_spelt_again, 'done = rollout.state == "aborted"'),
        (states_spelt_again, 'done = body["state"] in ("aborted", "committed")'),
    ],
)
def test_a_second_spelling_is_named(rule, text) -> None:
    assert list(rule([source("model_server/a.py", text)]))


def test_a_word_in_a_sentence_is_no_second_spelling() -> None:
    text = (
        '"""The Model-Version header says which was committed."""\nfrom changeover.protocol.wire import MODEL_VERSION'
    )
    assert list(headers_spelt_again([source("model_server/a.py", text)])) == []
    assert list(states_spelt_again([source("model_server/a.py", text)])) == []
