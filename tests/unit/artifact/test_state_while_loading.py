"""State that an artifact gives to special classes while it loads: array wrappers, a Bunch, built-in containers."""

import copyreg
from collections import deque
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.gaussian_process.kernels import RBF
from sklearn.isotonic import IsotonicRegression
from sklearn.utils import Bunch

from changeover.artifact.load import load_model
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact
from tests.forged_models import Items, Named, Reduced, X, Y, doubled_lists, dumped, given, note_of_an_array

POINTER = {"data": (4096, True), "shape": (64,), "typestr": "|u1", "version": 3}

WHILE_LOADING: dict[str, Callable[[], bytes]] = {
    "an array that reads itself": lambda: note_of_an_array(read_array=np.asarray),
    "an array with an unknown attribute": lambda: note_of_an_array(extra="1"),
    "memory as an array": lambda: dumped(Items({"__array_interface__": POINTER})),
    "memory as an array, beside other items": lambda: dumped(Items({"a": 1, "b": 2, "__array_struct__": 3})),
    "memory as an array, by the constructor": lambda: dumped(
        Reduced(copyreg._reconstructor, (Bunch, dict, {"__array_interface__": POINTER}))  # type: ignore[attr-defined]
    ),
    "an estimator whose state is pairs": lambda: dumped(Named(RBF, [("__array_interface__", POINTER)])),
    "gigabytes of zeros": lambda: dumped(Reduced(bytes, (1 << 33,))),
    "gigabytes of zeros that change": lambda: dumped(Reduced(bytearray, (1 << 33,))),
    "a set without end": lambda: dumped(Reduced(frozenset, (range(1 << 40),))),
    "a queue without end": lambda: dumped(Reduced(deque, (range(1 << 40),))),
    "an isotonic regression over lists of the same": lambda: dumped(
        given(IsotonicRegression().fit(X[:, 0], Y), X_thresholds_=doubled_lists(40))
    ),
    "an index over lists of the same": lambda: dumped(
        Reduced(pd.core.indexes.base._new_Index, (pd.Index, {"data": doubled_lists(40)}))
    ),
}


@pytest.mark.parametrize("name", WHILE_LOADING)
def test_state_that_would_be_obeyed_while_loading_is_refused(name: str) -> None:
    """Faults 70 and 74: state that runs code or takes memory while it is loaded."""
    with pytest.raises((ForbiddenGlobal, UnreadableArtifact)) as refusal:
        load_model(WHILE_LOADING[name]())
    assert "special" in str(refusal.value) or "damaged or forged" in str(refusal.value)
