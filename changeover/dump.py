"""An estimator in a notebook becomes an artifact on disk and what its publisher says of it.

Imports scikit-learn's world only when called, so that `import changeover` stays cheap.
"""

import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from changeover.manifest import Draft, Json, JsonObject

if TYPE_CHECKING:
    import pandas as pd

GOLDEN_ROWS: Final = 5
_DISTRIBUTIONS: Final = ("scikit-learn", "numpy", "scipy", "pandas", "joblib")


def dump(estimator: object, path: Path) -> None:
    """Write `estimator` to `path` as joblib does, uncompressed."""
    import joblib

    joblib.dump(estimator, path)


def environment() -> dict[str, str]:
    """The versions that a model depends on, by distribution name, and `python`."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def draft_of(
    estimator: object,
    example: "pd.DataFrame | None" = None,
    metrics: dict[str, float] | None = None,
    description: str = "",
) -> Draft:
    """What can be said of `estimator`: its environment and, from `example`, its schema and a few golden rows.

    `example` is raw training data, a row an observation, a column a feature. Raises InvalidSchema, ScoringFailed.
    """
    schema: JsonObject | None = None
    golden: JsonObject | None = None
    if example is not None:
        from changeover.golden import record
        from changeover.infer_schema import infer_schema

        inferred = infer_schema(estimator, example)
        schema = inferred.to_json()
        golden = record(estimator, inferred, rows_of(example))
    return Draft(
        schema=schema, metrics=metrics or {}, environment=environment(), golden=golden, description=description
    )


def rows_of(example: "pd.DataFrame", count: int = GOLDEN_ROWS) -> list[JsonObject]:
    """Up to `count` rows of `example`, spread over all of it, as a caller would send them: gaps are null."""
    step = max(1, len(example) // count)
    chosen = example.iloc[::step].head(count)
    names = [str(name) for name in chosen.columns]
    return [dict(zip(names, map(_json, row), strict=True)) for row in chosen.itertuples(index=False, name=None)]


def _json(value: object) -> Json:
    import numpy as np
    import pandas as pd

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, bool | int | str):
        return value
    return str(value)
