"""The names of columns in the formula of a statistical model, such as `np.log(size) + C(city) + Q("two words")`."""

import ast
import re
from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

_WORDS: Final = re.compile(r"[^\W\d]\w*")
_CALLED: Final = re.compile(r"([^\W\d][\w.]*)\s*\(")
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


def foreign_call(codes: Iterable[str]) -> str | None:
    """A call in the factors `codes` of what is neither a ufunc of NumPy nor a function of formulas; None without one.

    Functions of formulas keep what they need from the fit; `np.mean(size)` and `size.rank()` look at the rows of a call.
    """
    for code in codes:
        expression = _parsed(code)
        if expression is None:  # an operator of formulas that Python does not have
            called = [_parsed(name) for name in _CALLED.findall(code)]
        else:
            called = [node.func for node in ast.walk(expression) if isinstance(node, ast.Call)]
        for function in called:
            if function is not None and not _is_of_rows(function):
                return ast.unparse(function)
    return None


def _is_of_rows(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in _OF_FORMULAS
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    return function.value.id in ("np", "numpy") and isinstance(getattr(np, function.attr, None), np.ufunc)


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
