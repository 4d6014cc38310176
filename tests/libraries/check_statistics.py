"""Results of statsmodels, of arrays and of formulas. Run by an environment that has it."""

import io

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.tsa.arima.model import ARIMA

from changeover.estimator.golden_rows import record, replay
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scoring import describe
from changeover.estimator.training_frame import rows_of
from changeover.exceptions import NotAnEstimator, RequestFaults, ScoringFailed
from changeover.schema.cell_parsers import ColumnType
from tests.libraries.served import answers, by_pickle, refusal, reloaded, run, same_answers

RANDOM = np.random.default_rng(0)
ROWS = 400
FRAME = pd.DataFrame(
    {
        "size": RANDOM.normal(size=ROWS),
        "age": RANDOM.integers(1, 90, ROWS) + 0.5,
        "city": RANDOM.choice(["zürich", "bern", "aarau"], ROWS),
        "floor": RANDOM.choice([10, 20, 30], ROWS),
        "two words": RANDOM.normal(size=ROWS),
    }
)
FRAME["yes"] = (FRAME["size"] + RANDOM.normal(size=ROWS) > 0).astype(int)
FRAME["amount"] = FRAME["size"] * 2 + FRAME["age"] + RANDOM.normal(size=ROWS)
FRAME["count"] = RANDOM.poisson(3, ROWS)
PLAIN = FRAME[["size", "age"]]
WITH_CONSTANT = sm.add_constant(PLAIN)
FEW = FRAME.sample(20, random_state=1).reset_index(drop=True)
FEW_CONSTANT = sm.add_constant(FEW[["size", "age"]], has_constant="add")
BINOMIAL = sm.families.Binomial()


def _labelled(mean: "pd.Series[float]") -> tuple[np.ndarray, np.ndarray]:
    second = np.asarray(mean)
    return (second > 0.5).astype(int), np.column_stack([1 - second, second])


def check_probabilities_of_arrays() -> None:
    for result in (
        sm.GLM(FRAME["yes"], WITH_CONSTANT, family=BINOMIAL).fit(),
        sm.Logit(FRAME["yes"], WITH_CONSTANT).fit(disp=0),
        sm.Probit(FRAME["yes"], WITH_CONSTANT).fit(disp=0),
        sm.Logit(FRAME["yes"], WITH_CONSTANT).fit_regularized(disp=0),
    ):
        scores = same_answers(result, FEW[["size", "age"]], *_labelled(result.predict(FEW_CONSTANT)))
        assert scores.classes == [0, 1]
        assert describe(result) == {
            "type": type(result).__name__,
            "kind": "classifier",
            "predict_proba": True,
            "includes": [],
        }
        assert list(infer_schema(reloaded(result)).by_name) == ["size", "age"]


def check_means_of_arrays() -> None:
    for result in (
        sm.OLS(FRAME["amount"], WITH_CONSTANT).fit(),
        sm.WLS(FRAME["amount"], WITH_CONSTANT).fit(),
        sm.RLM(FRAME["amount"], WITH_CONSTANT).fit(),
        sm.QuantReg(FRAME["amount"], WITH_CONSTANT).fit(),
        sm.GLM(FRAME["count"], WITH_CONSTANT, family=sm.families.Poisson()).fit(),
        sm.Poisson(FRAME["count"], WITH_CONSTANT).fit(disp=0),
        sm.NegativeBinomial(FRAME["count"], WITH_CONSTANT).fit(disp=0),
    ):
        same_answers(result, FEW[["size", "age"]], result.predict(FEW_CONSTANT))
        assert describe(result)["kind"] == "regressor"


def check_arrays_without_names_or_constant() -> None:
    result = sm.OLS(FRAME["amount"].to_numpy(), WITH_CONSTANT.to_numpy()).fit()
    assert list(infer_schema(result).by_name) == ["x1", "x2"]
    assert answers(reloaded(result), [{"x2": 3, "x1": 2}]).labels == result.predict([[1, 2, 3]]).tolist()
    result = sm.OLS(FRAME["amount"], PLAIN).fit()
    same_answers(result, FEW[["size", "age"]], result.predict(FEW[["size", "age"]]))


def check_a_constant_column_that_is_not_ones_is_asked_for() -> None:
    result = sm.OLS(FRAME["amount"], PLAIN.assign(rooms=3.0)).fit()
    assert list(infer_schema(result).by_name) == ["size", "age", "rooms"]


def check_results_without_their_data() -> None:
    for result in (
        sm.Logit(FRAME["yes"], WITH_CONSTANT).fit(disp=0),
        smf.logit("yes ~ size + C(floor)", FRAME).fit(disp=0),
    ):
        wanted = answers(result, rows_of(FEW[list(infer_schema(result).by_name)]))
        stream = io.BytesIO()
        result.save(stream, remove_data=True)
        loaded = pd.read_pickle(io.BytesIO(stream.getvalue()))
        assert answers(loaded, rows_of(FEW[list(infer_schema(loaded).by_name)])) == wanted


def check_formulas() -> None:
    formula = 'yes ~ np.log(age) + size * C(floor) + city + I(size ** 2) + Q("two words") + bs(age, df=4)'
    result = smf.glm(formula, FRAME, family=BINOMIAL).fit()
    asked = ["age", "size", "floor", "city", "two words"]
    same_answers(result, FEW[asked], *_labelled(result.predict(FEW)))
    columns = infer_schema(reloaded(result)).by_name
    assert sorted(columns) == sorted(asked)
    assert (columns["city"].type, columns["city"].enum) == (ColumnType.STRING, ("aarau", "bern", "zürich"))
    assert (columns["floor"].type, columns["floor"].enum) == (ColumnType.NUMBER, (10, 20, 30))
    assert not any(column.nullable for column in columns.values())
    result = smf.ols("np.log(age) ~ size:floor + center(size)", FRAME).fit()
    same_answers(result, FEW[["size", "floor"]], result.predict(FEW))


def check_formulas_of_the_other_engine() -> None:
    import statsmodels.formula

    statsmodels.formula.options.formula_engine = "formulaic"
    try:
        result = smf.ols("amount ~ np.log(age) + size:C(floor) + city", FRAME).fit()
        same_answers(result, FEW[["age", "size", "floor", "city"]], result.predict(FEW))
    finally:
        statsmodels.formula.options.formula_engine = "patsy"


def check_an_unknown_category_and_a_missing_value_are_refused() -> None:
    result = smf.logit("yes ~ size + city", FRAME).fit(disp=0)
    for row in ({"size": 1.0, "city": "geneva"}, {"size": None, "city": "bern"}):
        assert refusal(RequestFaults, answers, result, [row])


def check_labels_of_texts_and_truths() -> None:
    frame = FRAME.assign(answer=np.array(["no", "yes"])[FRAME["yes"]], truth=FRAME["yes"] == 1)
    result = smf.glm("answer ~ size", frame, family=BINOMIAL).fit()
    first = np.asarray(result.predict(FEW))  # of "no", as statsmodels has it
    labels = np.where(first >= 0.5, "no", "yes")
    assert same_answers(result, FEW[["size"]], labels, np.column_stack([first, 1 - first])).classes == ["no", "yes"]
    result = smf.glm("truth ~ size", frame, family=BINOMIAL).fit()
    assert answers(result, [{"size": 9}]).labels == [True]
    assert answers(result, [{"size": 9}]).classes == [False, True]


def check_shares_are_numbers() -> None:
    share = FRAME["count"] / 20
    result = sm.GLM(share, WITH_CONSTANT, family=BINOMIAL).fit()
    same_answers(result, FEW[["size", "age"]], result.predict(FEW_CONSTANT))
    counts = np.column_stack([FRAME["count"], 20 - FRAME["count"]])
    result = sm.GLM(counts, WITH_CONSTANT, family=BINOMIAL).fit()
    assert describe(reloaded(result))["kind"] == "regressor"


def check_several_classes() -> None:
    for labels, classes in ((FRAME["city"], ["aarau", "bern", "zürich"]), (FRAME["floor"], [10, 20, 30])):
        result = sm.MNLogit(labels, WITH_CONSTANT).fit(disp=0)
        wanted = np.asarray(result.predict(FEW_CONSTANT))
        scores = same_answers(result, FEW[["size", "age"]], np.array(classes)[wanted.argmax(axis=1)], wanted)
        assert scores.classes == classes
    ordered = pd.Series(pd.Categorical(FRAME["city"], categories=["bern", "aarau", "zürich"], ordered=True))
    result = OrderedModel(ordered, PLAIN).fit(disp=0)
    wanted = np.asarray(result.predict(FEW[["size", "age"]]))
    classes = ["bern", "aarau", "zürich"]
    labels = np.array(classes)[wanted.argmax(axis=1)]
    # it calls a distribution of SciPy, for which the list has a placeholder only
    scores = same_answers(result, FEW[["size", "age"]], labels, wanted, by_pickle)
    assert scores.classes == classes


def check_groups() -> None:
    result = smf.gee("yes ~ size", "floor", FRAME, family=BINOMIAL).fit()
    same_answers(result, FEW[["size"]], *_labelled(result.predict(FEW)))
    result = smf.mixedlm("amount ~ size", FRAME, groups=FRAME["floor"]).fit()
    same_answers(result, FEW[["size"]], result.predict(FEW))


def check_what_answers_no_rows_is_refused() -> None:
    for model in (ARIMA(FRAME["amount"], order=(1, 0, 0)).fit(), sm.OLS(FRAME["amount"], PLAIN)):
        assert "`fit`" in refusal(NotAnEstimator, describe, model)


def check_golden_rows_of_results() -> None:
    for result in (
        smf.glm("yes ~ size + city", FRAME, family=BINOMIAL).fit(),
        sm.OLS(FRAME["amount"], WITH_CONSTANT).fit(),
    ):
        schema = infer_schema(result)
        replay(reloaded(result), schema, record(result, schema, rows_of(FEW[list(schema.by_name)])))


def check_a_row_without_an_answer_is_named() -> None:
    result = smf.ols("amount ~ np.log(age)", FRAME).fit()
    assert "NaN" in refusal(ScoringFailed, answers, result, [{"age": -1}])


if __name__ == "__main__":
    run(globals())
