"""Examples as frames, series, arrays, sparse matrices or lists, and the named inputs that the model takes of them."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from changeover.estimator.training_frame import frame_of, inputs_of, text_column
from changeover.exceptions import InvalidSchema
from changeover.schema.schema import Column, Schema

XY = Schema((Column("x0"), Column("x1")))
TABLE = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("example", [TABLE, np.array(TABLE), csr_matrix(TABLE), pd.DataFrame(TABLE)])
def test_a_table_without_names_is_taken_by_place(example: object) -> None:
    inputs = inputs_of(frame_of(example), XY)
    assert inputs.to_dict("list") == {"x0": [1.0, 3.0], "x1": [2.0, 4.0]}


def test_a_frame_is_taken_by_name_without_its_target() -> None:
    frame = pd.DataFrame({"x1": [2.0], "target": [1], "x0": [1.0]})
    assert frame_of(frame) is frame
    assert sorted(inputs_of(frame, XY).columns) == ["x0", "x1"]


def test_texts_have_a_column_of_their_own() -> None:
    assert list(frame_of(["good", "bad"]).columns) == ["text"]
    assert text_column(frame_of(np.array(["good", "bad"]))) == "text"
    assert text_column(pd.DataFrame({"stars": [5, 1], "review": ["good", None]})) == "review"
    assert text_column(pd.DataFrame({"label": ["a", "b"], "text": ["good", "bad"]})) == "text"
    assert text_column(None) == "text"


@pytest.mark.parametrize("frame", [{"label": ["a"], "review": ["good"]}, {"stars": [5], "count": [1]}])
def test_which_column_holds_the_texts_is_not_guessed(frame: dict[str, list[object]]) -> None:
    with pytest.raises(InvalidSchema, match="give it the one column"):
        text_column(pd.DataFrame(frame))


@pytest.mark.parametrize("thing", [[[1.0], [2.0, 3.0]], 5, np.zeros((2, 2, 2))])
def test_what_is_no_table_is_refused(thing: object) -> None:
    with pytest.raises(InvalidSchema, match="the example is"):
        frame_of(thing)
