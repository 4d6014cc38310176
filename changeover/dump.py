"""An estimator in a notebook becomes an artifact on disk and what its publisher says of it.

Imports scikit-learn's world only when called, so that `import changeover` stays cheap.
"""

import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from changeover.manifest import Draft, JsonObject

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
        from changeover.frames import rows_of
        from changeover.golden import record
        from changeover.infer_schema import infer_schema

        inferred = infer_schema(estimator, example)
        schema = inferred.to_json()
        inputs = example[[name for name in example.columns if str(name) in inferred.by_name]]
        golden = record(estimator, inferred, rows_of(_spread(inputs)))
    return Draft(
        schema=schema, metrics=metrics or {}, environment=environment(), golden=golden, description=description
    )


def _spread(example: "pd.DataFrame") -> "pd.DataFrame":
    """A few rows from all over `example`."""
    return example.iloc[:: max(1, len(example) // GOLDEN_ROWS)].head(GOLDEN_ROWS)
