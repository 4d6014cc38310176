"""Placeholders for the distributions of a search, and partial calls: of no use to an artifact that attacks."""

import functools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import RandomizedSearchCV
from sklearn.preprocessing import FunctionTransformer

from changeover.artifact.load import load_model
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact
from tests.unit.artifact.test_survey import dumped

NUMBERS = pd.DataFrame(np.random.RandomState(0).rand(60, 3), columns=list("abc"))
LABELS = (NUMBERS["a"] > 0.5).astype(int)


def test_the_distributions_of_a_search_are_left_out() -> None:
    drawn = {"C": stats.uniform(1, 2), "max_iter": stats.randint(100, 200)}
    search: Any = load_model(dumped(RandomizedSearchCV(LogisticRegression(), drawn, n_iter=2).fit(NUMBERS, LABELS)))
    for placeholder in search.param_distributions.values():
        assert vars(placeholder) == {}
        assert type(placeholder).__module__ == "changeover.artifact.unused"


def test_the_state_of_a_distribution_is_not_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    distribution = stats.uniform(0, 1).dist
    state = distribution.__getstate__() | {"_parse_arg_template": f"open({str(mark)!r}, 'w').close()"}
    content = b"cscipy.stats._distn_infrastructure\nrv_generic\n)\x81" + pickle.dumps(state, 2)[2:-1] + b"b."
    assert vars(load_model(b"\x80\x02" + content)) == {}
    assert not mark.exists()


@pytest.mark.parametrize(
    "function",
    [getattr, np.vectorize(np.log), functools.partial(getattr, "x")],
    ids=["getattr", "vectorize", "partial"],
)
def test_what_stands_in_for_parts_of_a_distribution_is_of_no_other_use(function: object) -> None:
    with pytest.raises((ForbiddenGlobal, UnreadableArtifact)):
        load_model(dumped(FunctionTransformer(function)))


class Reads:
    """An object whose pickle reads an attribute of a module or an object."""

    def __init__(self, owner: object) -> None:
        self.owner = owner

    def __reduce__(self) -> Any:
        return getattr, (self.owner, "__class__")


@pytest.mark.parametrize("owner", ["text", Ridge(), np.log])
def test_an_artifact_reads_no_attribute_by_name(owner: object) -> None:
    with pytest.raises(ForbiddenGlobal, match=r"builtins\.getattr"):
        load_model(dumped(Reads(owner)))


@pytest.mark.parametrize(
    "partial",
    [
        functools.partial(np.power, 2, 3),
        functools.partial(np.add, np.ones(3)),
        functools.partial(np.clip, 1),
        functools.partial(np.power, out=np.ones(3)),
        functools.partial(np.log1p, 1),
    ],
    ids=["two numbers", "one array", "clip", "out", "one number"],
)
def test_a_partial_call_that_writes_elsewhere_is_refused(partial: object) -> None:
    with pytest.raises(UnreadableArtifact):
        load_model(dumped(FunctionTransformer(partial)))
