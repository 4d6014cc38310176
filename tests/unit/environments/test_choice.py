"""The choice of an environment for an artifact, and the message and command if there is none."""

import re
import shlex

import pytest

from changeover.environments.choice import choose
from changeover.environments.environment import Environment
from changeover.environments.exceptions import NoEnvironment


def environment(name: str, sklearn: str, *roots: str, allow_code: bool = False) -> Environment:
    return Environment(name, f"/envs/{name}/bin/python", {"scikit-learn": sklearn}, roots, allow_code)


HERE = {
    each.name: each
    for each in (
        environment("default", "1.9.1"),
        environment("b-old", "1.4.2"),
        environment("a-old", "1.4.0", "lightgbm"),
        environment("code", "1.9.0", "features", allow_code=True),
    )
}
SKLEARN = ("sklearn", "numpy", "builtins", "collections", "_loss")


def refused(made_with: dict[str, str], *roots: str) -> str:
    with pytest.raises(NoEnvironment) as refusal:
        choose(made_with, {*SKLEARN, *roots}, HERE)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("version", "roots", "name"),
    [
        ("1.9.0", (), "default"),
        ("1.9.1", ("features",), "code"),
        ("1.4.2", (), "a-old"),
        ("1.4.1.post1", ("lightgbm",), "a-old"),
        ("1.9.1", ("pyarrow",), "default"),
        ("1.9.1", ("cloudpickle",), "code"),
        (None, (), "default"),
        (None, ("lightgbm",), "a-old"),
    ],
)
def test_the_environment_has_the_minor_version_and_every_package(
    version: str | None, roots: tuple[str, ...], name: str
) -> None:
    made_with = {"scikit-learn": version} if version else {}
    assert choose(made_with, {*SKLEARN, *roots}, HERE).name == name


def test_two_digits_of_a_minor_version_are_not_one() -> None:
    with pytest.raises(NoEnvironment):
        choose({"scikit-learn": "1.10.0"}, (), {"default": environment("default", "1.1.0")})


def test_the_refusal_names_the_version_and_the_command() -> None:
    """Fault 78: where there is no such environment."""
    message = refused({"scikit-learn": "1.5.2"})
    assert message.startswith("the artifact was made with scikit-learn 1.5.2; the environments here are default")
    assert message.endswith("changeover environment add sklearn-1.5 'scikit-learn==1.5.2' 'pandas<2.3'")


def test_the_command_pins_what_the_publisher_says() -> None:
    made_with = {"scikit-learn": "1.6.1", "pandas": "2.1.4", "lightgbm": "4.5.0", "numpy": "1.26.4"}
    message = refused(made_with, "lightgbm")
    words = shlex.split(message.partition("again: ")[2])
    assert words == [
        *("changeover", "environment", "add", "sklearn-1.6"),
        *("scikit-learn==1.6.1", "pandas==2.1.*", "lightgbm==4.5.0"),
    ]


@pytest.mark.parametrize(
    ("root", "distribution"),
    [("imblearn", "imbalanced-learn"), ("feature_engine", "feature-engine"), ("statsmodels", "statsmodels")],
)
def test_a_package_is_named_by_its_distribution(root: str, distribution: str) -> None:
    assert shlex.split(refused({"scikit-learn": "1.4.2"}, root))[-1] == distribution


def test_a_name_that_is_taken_is_not_proposed() -> None:
    here = {"default": HERE["default"], "sklearn-1.4": environment("sklearn-1.4", "1.4.2")}
    with pytest.raises(NoEnvironment, match=r"add sklearn-1\.4-lightgbm "):
        choose({"scikit-learn": "1.4.2"}, ["lightgbm"], here)


def test_an_unknown_package_comes_as_a_wheel() -> None:
    message = refused({"scikit-learn": "1.9.1"}, "ourfeatures")
    assert "environment add sklearn-1.9 'scikit-learn==1.9.1' WHEEL " in message
    assert message.endswith("(WHEEL: a wheel with the package ourfeatures)")


def test_a_class_of_ones_own_is_named() -> None:
    for name in ("ourfeatures.rates.Rates", "__main__.Rates"):
        with pytest.raises(NoEnvironment, match=re.escape(f"(`{name}`)")):
            choose({"scikit-learn": "1.9.1"}, ["sklearn", name.partition(".")[0]], HERE, ["sklearn.svm.SVC", name])


def test_code_in_an_artifact_needs_an_environment_that_admits_it() -> None:
    assert refused({"scikit-learn": "1.4.2"}, "cloudpickle").endswith("'pandas<2.3' cloudpickle --allow-code")


def test_a_class_of_a_notebook_is_sent_into_a_package() -> None:
    assert "`__main__`" in refused({"scikit-learn": "1.9.1"}, "__main__")


def test_a_scikit_learn_that_no_environment_can_have_is_named() -> None:
    message = refused({"scikit-learn": "0.24.2"})
    assert "scikit-learn 0.24.2" in message
    assert "train the model again" in message
    assert "environment add" not in message


def test_nothing_of_an_artifact_gets_into_a_shell() -> None:
    message = refused({"scikit-learn": "1.4.2' ; rm -rf ~ #", "lightgbm": "$(id)"}, "imblearn", "x;`id`")
    command = message.partition("again: ")[2]
    assert "'scikit-learn==1.4.*'" in command
    assert not set(command) & set(";$`~#&|")
