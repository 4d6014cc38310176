"""The names of columns in the formula of a statistical model, such as `np.log(size) + C(city) + Q("two words")`."""

import ast
import re
from collections.abc import Collection, Iterable
from typing import Final

_WORDS: Final = re.compile(r"[^\W\d]\w*")
_OF_FORMULAS: Final = frozenset(
    (
        *("C", "I", "Q", "bs", "cc", "cr", "te", "center", "standardize", "scale", "poly", "np", "numpy", "pd", "math"),
        *("Treatment", "Poly", "Sum", "Helmert", "Diff"),
    )
)


def names_in(codes: Iterable[str], columns: Collection[str] | None) -> list[str]:
    """The columns that the factors `codes` read, in their order; of `columns`, if these are known."""
    names: dict[str, None] = {}
    for code in codes:
        for name in _names(code):
            if name in columns if columns is not None else name not in _OF_FORMULAS:
                names[name] = None
    return list(names)


def single_name(code: str) -> str | None:
    """The column that the factor `code` is as it stands: `city`, `C(city)`, `Q("two words")`; None for another."""
    expression = _parsed(code)
    while isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name) and expression.args:
        quoted = expression.func.id == "Q"
        if expression.func.id not in ("C", "Q"):
            return None
        expression = expression.args[0]
        if quoted:
            return str(expression.value) if isinstance(expression, ast.Constant) else None
    return expression.id if isinstance(expression, ast.Name) else None


def _names(code: str) -> Iterable[str]:
    expression = _parsed(code)
    if expression is None:  # an operator of formulas that Python does not have
        yield from _WORDS.findall(code)
        return
    called = {id(node.func) for node in ast.walk(expression) if isinstance(node, ast.Call)}
    for node in ast.walk(expression):
        if isinstance(node, ast.Name) and id(node) not in called:
            yield node.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Q" and node.args:
            quoted = node.args[0]
            if isinstance(quoted, ast.Constant):
                yield str(quoted.value)


def _parsed(code: str) -> ast.expr | None:
    try:
        return ast.parse(code.strip(), mode="eval").body
    except SyntaxError:
        return None
