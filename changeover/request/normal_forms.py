"""Names that differ from a column's only in their Unicode normal form, such as an é of one or of two characters."""

import unicodedata
from collections.abc import Iterable
from typing import Final

_FORMS: Final = ("NFC", "NFD", "NFKC", "NFKD")


def unknown_name(name: str, known: Iterable[str]) -> str:
    """The message on a sent `name` that no column has; `known` are the names of the columns."""
    column = _alike(name, known)
    if column is None:
        return "the model has no such column"
    return f"the model has no such column: the model's column is spelt in another Unicode normal form{_forms(column, name)}"


def missing_name(name: str, sent: Iterable[str]) -> str:
    """The message on a column `name` that was not sent; `sent` are the names that were sent."""
    other = _alike(name, sent)
    if other is None:
        return "the field is missing"
    return f"the field is missing: it was sent in another Unicode normal form{_forms(name, other)}"


def _alike(name: str, others: Iterable[str]) -> str | None:
    """The first of `others` that is `name` in another normal form."""
    normal, plain = unicodedata.normalize("NFKC", name), name.isascii()
    return next(
        (
            other
            for other in others
            if not (plain and other.isascii()) and other != name and unicodedata.normalize("NFKC", other) == normal
        ),
        None,
    )


def _forms(column: str, sent: str) -> str:
    """The forms of both, if each is in one."""
    forms = [next((form for form in _FORMS if unicodedata.is_normalized(form, name)), None) for name in (column, sent)]
    return "" if None in forms or forms[0] == forms[1] else f" ({forms[0]}; {forms[1]} was sent)"
