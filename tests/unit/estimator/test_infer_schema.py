"""The schema of a fitted model and an example frame."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from changeover.estimator.infer_nullable import MOST_QUESTIONS, probe_missing
from changeover.estimator.infer_schema import infer_schema
from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import ATTRIBUTE, Column, Schema, attach

STRING, INTEGER, BOOLEAN = ColumnType.STRING, ColumnType.INTEGER, ColumnType.BOOLEAN
ROWS = 20
Y = np.array([0, 1] * (ROWS // 2))
FRAME = pd.DataFrame({"n": np.linspace(-1, 1, ROWS), "s": ["u", "v", "w", "u"] * 5})


def pipeline(encoder: object, *, imputed: bool = True) -> object:
    numbers = make_pipeline(SimpleImputer(), StandardScaler()) if imputed else StandardScaler()
    return make_pipeline(make_column_transformer((numbers, ["n"]), (encoder, ["s"])), LogisticRegression())


def fit(model: object, frame: object = FRAME) -> object:
    return model.fit(frame, Y)  # type: ignore[attr-defined]


def test_a_model_fitted_on_an_array_has_columns_by_their_place() -> None:
    model = fit(LogisticRegression(), FRAME[["n", "n"]].to_numpy())
    assert infer_schema(model) == Schema((Column("x0"), Column("x1")))


def test_a_model_fitted_on_an_array_takes_the_names_of_the_example() -> None:
    model = fit(LogisticRegression(), FRAME[["n"]].to_numpy())
    assert infer_schema(model, pd.DataFrame({"age": [1.5]})) == Schema((Column("age"),))
    assert infer_schema(model, pd.DataFrame([[1.5]])) == Schema((Column("x0"),))
    with pytest.raises(InvalidSchema, match="2 columns, the model was fitted on 1"):
        infer_schema(model, pd.DataFrame([[1.5, 2.5]]))


def test_names_with_spaces_dots_and_other_scripts_are_kept() -> None:
    names = ["a b", "c.d", "größe", "名前"]
    model = fit(LogisticRegression(), pd.DataFrame(np.eye(ROWS)[:, :4], columns=names))
    assert list(infer_schema(model).by_name) == names


def test_an_encoder_gives_strings_and_their_open_list() -> None:
    model = fit(pipeline(OneHotEncoder(handle_unknown="ignore")))
    assert infer_schema(model) == Schema(
        (Column("n", nullable=True), Column("s", STRING, nullable=True, categories=("u", "v", "w")))
    )


def test_an_encoder_that_raises_on_others_closes_the_list() -> None:
    assert infer_schema(fit(pipeline(OneHotEncoder(), imputed=False))).columns[1] == Column(
        "s", STRING, enum=("u", "v", "w")
    )
    assert infer_schema(fit(pipeline(OrdinalEncoder()))).columns[1].enum == ("u", "v", "w")


def test_a_missing_value_among_the_categories_makes_the_column_nullable() -> None:
    gappy = FRAME.assign(s=["u", None, "w", "u"] * 5)
    assert infer_schema(fit(pipeline(OneHotEncoder()), gappy)).columns[1] == Column(
        "s", STRING, nullable=True, enum=("u", "w")
    )


def test_an_encoder_of_numbers_closes_a_list_of_numbers() -> None:
    model = fit(pipeline(OneHotEncoder()), FRAME.assign(s=[1, 2, 3, 1] * 5))
    assert infer_schema(model).columns[1] == Column("s", enum=(1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: GridSearchCV(model, {}, cv=2),
        lambda model: FixedThresholdClassifier(model, threshold=0.4),
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: make_pipeline("passthrough", model),
        lambda model: VotingClassifier([("a", model), ("b", model)]),
    ],
)
def test_a_wrapped_pipeline_gives_the_same_schema(wrap: object) -> None:
    model = fit(wrap(pipeline(OneHotEncoder(handle_unknown="ignore"))))  # type: ignore[operator]
    assert infer_schema(model) == infer_schema(fit(pipeline(OneHotEncoder(handle_unknown="ignore"))))


@pytest.mark.parametrize(
    "selection", [[1], slice(1, 2), slice("s", None), [False, True], make_column_selector(pattern="s"), np.array(["s"])]
)
def test_columns_may_be_selected_in_any_way(selection: object) -> None:
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), selection), remainder="drop"),
        LogisticRegression(),
    )
    assert infer_schema(fit(model)).columns[1].categories == ("u", "v", "w")


def test_an_imputer_of_strings_gives_strings() -> None:
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    assert infer_schema(fit(pipeline(words))).columns[1] == Column(
        "s", STRING, nullable=True, categories=("u", "v", "w")
    )


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), CountVectorizer(), HashingVectorizer(n_features=8)])
def test_a_text_pipeline_has_one_text_column(vectorizer: object) -> None:
    for first in (vectorizer, make_union(vectorizer)):
        model = fit(make_pipeline(first, LogisticRegression()), ["good", "bad"] * 10)
        assert infer_schema(model) == Schema((Column("text", STRING),))
        assert infer_schema(model, pd.DataFrame({"review": ["good"]})) == Schema((Column("review", STRING),))


def test_a_text_column_among_others_holds_strings() -> None:
    model = make_pipeline(
        make_column_transformer((TfidfVectorizer(token_pattern=r"\w"), "s"), remainder="passthrough"),
        LogisticRegression(),
    )
    assert infer_schema(fit(model)) == Schema((Column("n"), Column("s", STRING)))


def test_an_example_gives_types_and_formats_of_raw_strings() -> None:
    raw = pd.DataFrame(
        {
            "money": ["$6,882.34 ", "($5,032.58)", "nan", "3709.93"],
            "share": ["62.59%", "45.85", "", "3%"],
            "text_number": ["1.5", "nan", "-2", " "],
            "number": [1.5, np.nan, 2.0, 3.0],
            "count": [1, 2, 3, 4],
            "flag": [True, False, True, True],
            "word": ["u", "v", None, "u"],
            "target": [0, 1, 0, 1],
        }
    )
    names = [name for name in raw.columns if name != "target"]
    typed = pd.DataFrame({name: raw[name] if name == "word" else np.arange(4.0) for name in names})
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["word"]), remainder=make_pipeline(SimpleImputer())
        ),
        LogisticRegression(),
    ).fit(typed, raw["target"])
    assert infer_schema(model, raw) == Schema(
        (
            Column("money", nullable=True, format=Format.CURRENCY),
            Column("share", nullable=True, format=Format.PERCENT),
            Column("text_number", nullable=True),
            Column("number", nullable=True),
            Column("count", nullable=True),
            Column("flag", BOOLEAN, nullable=True),
            Column("word", STRING, nullable=True, categories=("u", "v")),
        )
    )


def test_digits_that_an_encoder_reads_as_strings_stay_strings() -> None:
    codes = FRAME.assign(s=["01", "02", "03", "01"] * 5)
    assert infer_schema(fit(pipeline(OneHotEncoder()), codes), codes).columns[1].type is STRING


def test_categories_of_pandas_are_strings() -> None:
    frame = FRAME.assign(s=FRAME["s"].astype("category"))
    model = fit(HistGradientBoostingClassifier(max_iter=2, categorical_features="from_dtype"), frame)
    assert infer_schema(model, frame).columns[1].type is STRING


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (pd.to_timedelta(range(ROWS), unit="h"), "'s' of the example has the dtype timedelta64"),
        (pd.period_range("2020-01", periods=ROWS, freq="M"), r"'s' of the example has the dtype period\[M\]"),
        ([b"bytes"] * ROWS, "'s' of the example holds a bytes"),
        ([1, "a"] * (ROWS // 2), "'s' of the example mixes strings with other values"),
        ([True, "a"] * (ROWS // 2), "mixes true/false"),
        (
            pd.array(["a"] * ROWS, dtype=pd.ArrowDtype(pa.string())),
            r"'s' .* ArrowDtype\(string\[pyarrow\]\).*convert_dtypes",
        ),
    ],
)
def test_a_column_that_json_cannot_say_is_refused_by_name(values: object, why: str) -> None:
    model = make_pipeline(FunctionTransformer(lambda frame: frame[["n"]]), LogisticRegression())
    odd = FRAME.assign(s=values)
    with pytest.raises(InvalidSchema, match=why):
        infer_schema(fit(model, odd), odd)


def test_an_example_that_lacks_a_column_is_refused() -> None:
    with pytest.raises(InvalidSchema, match=r"lacks columns that the model was fitted on: \['n'\]"):
        infer_schema(fit(pipeline(OneHotEncoder())), FRAME[["s"]])


def test_a_model_without_column_names_needs_an_example() -> None:
    with pytest.raises(InvalidSchema, match="give an example frame"):
        infer_schema(LogisticRegression())


def test_an_attached_schema_wins_and_a_broken_one_is_refused() -> None:
    model = fit(pipeline(OneHotEncoder()))
    own = Schema((Column("n", description="mine"), Column("s", STRING)))
    attach(model, own)
    assert infer_schema(model) == own
    assert infer_schema(model, FRAME) == own
    setattr(model, ATTRIBUTE, {"columns": "none"})
    with pytest.raises(InvalidSchema):
        infer_schema(model)


def test_single_columns_that_may_be_missing_are_found_among_many() -> None:
    schema = Schema(tuple(Column(f"c{position}") for position in range(64)))
    optional = {"c3", "c40", "c41"}
    asked = 0

    def answers(row: dict[str, object]) -> bool:
        nonlocal asked
        asked += 1
        return {name for name, value in row.items() if value != value} <= optional

    assert probe_missing(schema, dict.fromkeys(schema.by_name, 0.0), answers) == optional
    assert asked < MOST_QUESTIONS


def test_probing_ends_after_a_bounded_number_of_questions() -> None:
    schema = Schema(tuple(Column(f"c{position}") for position in range(5000)))
    asked = []

    def answers(row: dict[str, object]) -> bool:
        asked.append(1)
        return all(value == value for value in row.values())

    assert probe_missing(schema, dict.fromkeys(schema.by_name, 0.0), answers) == frozenset()
    assert len(asked) <= MOST_QUESTIONS + 1
