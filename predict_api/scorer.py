"""How a loaded version computes its answers: by its estimator, for those who wait in one joint call."""

from collections.abc import Mapping, Sequence

from joblib import parallel_config

from changeover.cells import Cell
from changeover.schema import Schema
from changeover.scoring import Scores, score
from predict_api.held import Scorer
from predict_api.joined import Joined


def scorer_of(estimator: object, schema: Schema) -> Scorer:
    """The scorer of one version; a version that is loaded again gets another one."""

    def ask(columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
        # A model with n_jobs > 1 would start processes of its own here; threads need none.
        with parallel_config(backend="threading"):
            return score(estimator, schema, columns, rows)

    return Joined(ask)
