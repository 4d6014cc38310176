"""States and headers are spelt as in the design, in one place: `changeover/protocol/wire.py`. No second spelling elsewhere."""

import ast
from collections.abc import Iterator

import pytest

from changeover.protocol import wire
from tests.tree import OURS, Source, source

WIRE = "changeover/protocol/wire.py"
HEADERS = {
    value
    for name, value in vars(wire).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, str)
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


def test_the_states_are_those_of_the_design() -> None:
    assert {str(state) for state in wire.VersionState} == {"admitted", "rejected", "current", "retired"}
    assert {str(state) for state in wire.RolloutState} == {"preparing", "fencing", "committed", "aborted"}


def test_the_headers_are_those_of_the_design() -> None:
    answers = {"Lease-Ms", "Next-Version", "Repr-Digest", "Model-Name", "Model-Version", "Model-Sequence"}
    assert answers | {"Model-Stale", "Model-Age"} <= HEADERS


@pytest.mark.parametrize("rule", [headers_spelt_again, states_spelt_again], ids=lambda rule: rule.__name__)
def test_nothing_of_the_wire_is_spelt_twice(rule) -> None:
    faults = list(rule(OURS))
    assert not faults, "\n" + "\n".join(faults)


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
