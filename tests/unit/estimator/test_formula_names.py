"""The names of columns in the factors of a formula."""

import pytest

from changeover.estimator.libraries.formula_names import foreign_call, names_in, single_name


def test_names_are_those_of_the_columns_in_their_order() -> None:
    codes = ["np.log(age)", "size", "C(city, Treatment(reference='bern'))", "I(size ** 2)", 'Q("two words")']
    assert names_in(codes, None) == ["age", "size", "city", "two words"]


def test_known_columns_decide() -> None:
    assert names_in(["np.log(np)", "scale", "other"], ["np", "scale"]) == ["np", "scale"]


def test_an_operator_of_formulas_is_read_as_words() -> None:
    assert names_in([" size:C(floor) "], ["size", "floor", "C2"]) == ["size", "floor"]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("city", "city"),
        ("C(city)", "city"),
        ("C(city, Sum)", "city"),
        ('C(Q("the city"))', "the city"),
        ("np.log(age)", None),
        ("a:b", None),
    ],
)
def test_a_factor_that_is_one_column(code: str, name: str | None) -> None:
    assert single_name(code) == name


@pytest.mark.parametrize(
    ("code", "called"),
    [
        ("np.log(age)", None),
        ("numpy.log1p(age) + I(size ** 2)", None),
        ("C(city, Treatment(reference='bern'))", None),
        ("bs(size, df=4)", None),
        ("standardize(size)", None),
        ("size - np.mean(size)", "np.mean"),
        ("np.cumsum(size)", "np.cumsum"),
        ("size.rank()", "size.rank"),
        ("np.log(np.add.accumulate(size))", "np.add.accumulate"),
        ("prices.trend(size)", "prices.trend"),
        ("zscore(size)", "zscore"),
        ("size:C(floor)", None),
        ("size:np.log(floor)", None),
        ("size:zscore(floor)", "zscore"),
    ],
)
def test_a_call_that_may_look_at_all_rows_is_found(code: str, called: str | None) -> None:
    assert foreign_call(["age", code]) == called
