"""The facts of one column that a part of a fitted estimator knows."""

from dataclasses import dataclass

from changeover.schema.column import Missing


@dataclass(frozen=True)
class Encoded:
    """The facts of one column that a part of the pipeline knows.

    `categories` are the values of the fit (as Python objects, without missing values), or None; `closed`: other values
    raise; `text`: the column must hold strings; `text_unless_seen`: so it does if no example has other values; `missing`: the fit had missing values, None if unknown; `ends` are the
    smallest and the largest number of the fit. `dtype` and `gap` are those of the fitted column, as in the schema; `two_gaps`: it had both
    None and NaN.
    """

    categories: tuple[object, ...] | None = None
    closed: bool = False
    text: bool = False
    text_unless_seen: bool = False
    missing: bool | None = None
    ends: tuple[float, float] | None = None
    dtype: str = ""
    two_gaps: bool = False
    gap: Missing | None = None


def is_missing(value: object) -> bool:
    """Whether `value` is None or NaN."""
    return value is None or (isinstance(value, float) and value != value)


def categories_of(values: tuple[object, ...], *, closed: bool = False) -> Encoded:
    """The facts of a column with the categories `values`, of which a missing value is none."""
    present = tuple(value for value in values if not is_missing(value))
    return Encoded(
        categories=present,
        closed=closed,
        text=bool(present) and all(isinstance(value, str) for value in present),
        missing=len(present) < len(values) or None,
    )
