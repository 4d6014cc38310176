"""A frame of any dtype, sent as JSON and rebuilt: the same frame, value for value and dtype for dtype."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.inputs import feeding
from changeover.estimator.recorded import own_golden_rows
from changeover.estimator.training_frame import rows_of
from changeover.exceptions import GoldenMismatch
from changeover.request.reader import RequestReader
from changeover.schema.schema import Container

COLUMNS = {
    "truths": pd.Series([True, False, True, True]),
    "truths and NaN": pd.Series([True, np.nan, False, True], dtype=object),
    "truths without a value": pd.Series([True, None, False, True], dtype=object),
    "int8": pd.Series([1, -128, 127, 0], dtype="int8"),
    "uint64": pd.Series([0, 2**64 - 1, 2**63, 2**53 + 1], dtype="uint64"),
    "large": pd.Series([2**53, 2**53 + 1, 2**53 + 2, -(2**62) - 1]),
    "Int64": pd.Series([2**53 + 1, None, 3, 4], dtype="Int64"),
    "boolean": pd.Series([True, None, False, True], dtype="boolean"),
    "Float64": pd.Series([1.5, None, 3, 4], dtype="Float64"),
    "float32": pd.Series([0.1, 0.2, np.nan, 3], dtype="float32"),
    "float64": pd.Series([0.1, 1e-300, np.nan, 3.0]),
    "texts": pd.Series(["a", "b", None, "c"], dtype="str"),
    "string": pd.Series(["a", "b", None, "c"], dtype="string"),
    "objects": pd.Series(["a", "b", "c", ""], dtype=object),
    "objects, None": pd.Series(["a", "b", None, "c"], dtype=object),
    "objects, NaN": pd.Series(["a", "b", np.nan, "c"], dtype=object),
    "objects, NA": pd.Series(["a", "b", pd.NA, "c"], dtype=object),
    "digits": pd.Series(["01100", "1100", "1e3", "7"], dtype=object),
    "integers as objects": pd.Series([1, None, 3, 2**60], dtype=object),
    "days": pd.Series([date(2024, 2, 29), date(1500, 1, 1), None, date(2024, 3, 1)], dtype=object),
    "categories": pd.Series(pd.Categorical(["u", "v", None, "u"], categories=["w", "v", "u"])),
    "ordered": pd.Series(pd.Categorical([3, 1, 2, 1], categories=[3, 1, 2], ordered=True)),
    "categories of integers": pd.Series([2**53, 2**53 + 1, 2**53 + 2, 2**53]).astype("category"),
    "datetime64[ns]": pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-02 10:00:00.123456789", "1999-01-01"], format="ISO8601")).astype("datetime64[ns]"),
    "datetime64[us]": pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-02 10:00:00.123456", "1999-01-01"], format="ISO8601")).astype("datetime64[us]"),
    "Berlin": pd.Series(pd.to_datetime(["2024-10-27 00:30", "2024-10-27 01:30", None, "1999-01-01"], format="ISO8601")).dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
}  # fmt: skip


class Hashing(ClassifierMixin, BaseEstimator):
    """A model that tells every value and every dtype apart."""

    def fit(self, frame: pd.DataFrame, y: object = None) -> "Hashing":
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, frame: pd.DataFrame) -> list[str]:
        kinds = "|".join(map(str, frame.dtypes))
        return [
            "|".join(f"{type(value).__name__} {value!r}" for value in row) + kinds
            for row in frame.to_numpy(dtype=object)
        ]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_as_it_was(name: str) -> None:
    frame = pd.DataFrame({name: COLUMNS[name]})
    model = Hashing().fit(frame)
    schema = infer_schema(model, frame)
    assert schema.container is Container.FRAME
    for rows in ([0, 1, 2, 3], [0], [1], [3, 2]):
        part = frame.iloc[rows].reset_index(drop=True)
        body = json.dumps(rows_of(part)).encode()
        read = RequestReader(schema).read(body, 10)
        pd.testing.assert_frame_equal(feeding(model, schema)(read.columns), part, check_freq=False)  # type: ignore[arg-type]


def test_all_columns_together_are_recorded_and_answered_alike() -> None:
    frame = pd.DataFrame(COLUMNS)
    model = Hashing().fit(frame)
    golden = own_golden_rows(model, infer_schema(model, frame), frame)
    assert golden is not None
    assert [output["prediction"] for output in golden["outputs"]] == model.predict(frame)  # type: ignore[index, union-attr, call-overload]


@pytest.mark.parametrize("dtype", ["int8", "float32", "uint64", "bool", "str", "object"])
def test_an_array_keeps_its_dtype(dtype: str) -> None:
    array = np.array([[1, 0], [1, 1]]).astype(dtype)
    model = ArrayHashing().fit(array)
    schema = infer_schema(model, array)
    rows = rows_of(pd.DataFrame(array, columns=["x0", "x1"]))
    read = RequestReader(schema).read(json.dumps(rows).encode(), 10)
    rebuilt = feeding(model, schema)(read.columns)
    assert schema.container is Container.ARRAY
    assert isinstance(rebuilt, np.ndarray)
    assert (rebuilt.dtype.kind, rebuilt.tolist()) == (array.dtype.kind, array.tolist())
    assert rebuilt.dtype == array.dtype or dtype == "str"  # the width of texts follows from the values


class ArrayHashing(Hashing):
    """The same for arrays."""

    def predict(self, frame: object) -> list[str]:
        array = np.asarray(frame)
        return [f"{array.dtype} {row}" for row in array.tolist()]


def test_two_kinds_of_missing_in_one_column_are_named() -> None:
    frame = pd.DataFrame({"city": pd.Series(["a", None, None, np.nan], dtype=object)})
    model = Hashing().fit(frame)
    with pytest.raises(GoldenMismatch, match=r"golden row 3.*column 'city': nan \(object\) became None \(object\)"):
        own_golden_rows(model, infer_schema(model, frame), frame)
