"""The sentence of a refused artifact: the reason, the version that it was made with, and a next step that works."""

import io
import json
import pickle
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, StandardScaler

from changeover.artifact import next_step
from changeover.artifact.allowed_globals import FILE
from changeover.artifact.load import MAX_BYTES, load
from changeover.artifact.load_rules import LoadRules
from changeover.artifact.refusal import explain
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scoring import describe
from changeover.exceptions import ChangeoverError, ForbiddenGlobal, GoldenMismatch

X = np.random.RandomState(0).rand(40, 3)
Y = (X[:, 0] > 0.5).astype(int)
FRAME = pd.DataFrame(X, columns=list("abc"))
FOREST = RandomForestClassifier(3, random_state=0).fit(FRAME, Y)
TEXTS = ["red apple", "green pear"] * 20
WORDS = TfidfVectorizer().fit(TEXTS)
BAYES = MultinomialNB().fit(WORDS.transform(TEXTS), [0, 1] * 20)
SCALER = StandardScaler().fit(FRAME)
MADE_WITH = f"made with scikit-learn {sklearn.__version__}"


def dumped(model: object) -> bytes:
    target = io.BytesIO()
    joblib.dump(model, target)
    return target.getvalue()


def refused(artifact: object) -> str:
    """The reason that admission gives for an artifact, or for the bytes of one."""
    content = artifact if isinstance(artifact, bytes) else dumped(artifact)
    try:
        estimator = load(content).estimator
        describe(estimator)
        infer_schema(estimator)
    except ChangeoverError as error:
        return explain(error, content, MAX_BYTES)
    raise AssertionError("it is admitted")


def published(reason: str, artifact: object, folder: Path) -> list[object]:
    """What the lines in backticks publish, in a directory in which the artifact is `file.joblib`."""
    joblib.dump(artifact, folder / "file.joblib")
    models: list[object] = []
    names: dict[str, Any] = {
        "joblib": SimpleNamespace(load=lambda name: joblib.load(folder / name)),
        "make_pipeline": make_pipeline,
        "changeover": SimpleNamespace(publish=lambda model, *_name, **_options: models.append(model)),
        "frame": FRAME,
        "NAME": "name",
    }
    for line in re.findall(r"`([^`]*)`", reason):
        if not line.startswith("changeover push") and "example=" not in line:
            exec(line, names)
    return models


def test_a_dict_says_under_which_key_its_model_is_and_the_lines_that_publish_it(tmp_path: Path) -> None:
    bundle = {"metrics": {"f1": 0.9}, "model": FOREST}
    reason = refused(bundle)
    assert "the artifact is a dict; its model is under the key 'model' (a RandomForestClassifier)" in reason
    assert '`model = joblib.load("file.joblib")["model"]` and `changeover.publish(model)`' in reason
    assert MADE_WITH in reason
    (model,) = published(reason, bundle, tmp_path)
    assert type(model) is RandomForestClassifier


@pytest.mark.parametrize(
    "bundle", [(FOREST, ["a", "b", "c"]), [FOREST, FRAME.columns], (FRAME.columns.to_numpy(), FOREST)]
)
def test_a_model_with_its_columns_is_to_be_published_by_an_example(bundle: Any, tmp_path: Path) -> None:
    reason = refused(bundle)
    assert "(a RandomForestClassifier)" in reason
    assert f"at index {0 if bundle[0] is FOREST else 1}" in reason
    assert "`changeover.publish(model, example=frame[columns])`" in reason
    assert [type(model) for model in published(reason, bundle, tmp_path)] == [RandomForestClassifier]


def test_a_vectorizer_beside_its_model_is_to_be_one_pipeline_with_it(tmp_path: Path) -> None:
    for bundle in ([WORDS, BAYES], {"clf": BAYES, "vectorizer": WORDS}):
        reason = refused(bundle)
        assert "a MultinomialNB" in reason
        assert "TfidfVectorizer" in reason
        (pipeline,) = published(reason, bundle, tmp_path)
        assert isinstance(pipeline, Pipeline)
        assert pipeline.predict(["red apple"]).tolist() == [0]
        assert load(dumped(pipeline)).warnings == []


def test_a_scaler_beside_a_model_is_advised_as_one_pipeline_if_the_model_reads_its_output(tmp_path: Path) -> None:
    bundle = {"model": FOREST, "scaler": SCALER}
    reason = refused(bundle)
    assert "If it was fitted on the output of the StandardScaler under the key 'scaler'" in reason
    assert [type(model) for model in published(reason, bundle, tmp_path)] == [Pipeline, RandomForestClassifier]
    assert "is no step of a pipeline" in refused({"model": FOREST, "encoder": LabelEncoder().fit(["a", "b"])})


def test_several_models_are_named_with_their_places(tmp_path: Path) -> None:
    bundle = {"models": {"a": FOREST, "b": BAYES}, "made": "today"}
    reason = refused(bundle)
    assert 'at ["models"]["a"] (a RandomForestClassifier), at ["models"]["b"] (a MultinomialNB)' in reason
    assert [type(model) for model in published(reason, bundle, tmp_path)] == [RandomForestClassifier]


@pytest.mark.parametrize(
    ("artifact", "sentence"),
    [
        (SCALER, "the artifact is a StandardScaler, which cannot predict"),
        (WORDS, "`changeover.publish(make_pipeline(vectorizer, model))`"),
        (make_pipeline(SCALER, StandardScaler()), "the artifact is a Pipeline, which cannot predict"),
        (LabelEncoder().fit(["a"]), "fit the model on the labels themselves"),
        (FRAME, "the artifact is a DataFrame, which is data and cannot predict"),
        (X, "the artifact is a ndarray, which is data"),
        ({}, "no member of it is a model"),
        (["a", "b"], "no member of it is a model"),
        ("text", "cannot predict"),
        (None, "cannot predict"),
        (LogisticRegression(), "call fit before publishing it"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_model_is_named_with_the_next_step(artifact: object, sentence: str) -> None:
    assert sentence in refused(artifact)


def test_a_bundle_is_explained_even_if_it_holds_what_the_list_forbids() -> None:
    assert "its model is under the key 'model'" in refused({"model": FOREST, "data": FRAME, "where": Path("x")})


def calling(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n(Vx\ntR.".encode()


@pytest.mark.parametrize(
    "dotted",
    [
        "os.system",
        "posix.system",
        "nt.system",
        "subprocess.Popen",
        "builtins.eval",
        "builtins.getattr",
        "__builtin__.exec",
        "sys.exit",
        "importlib.import_module",
        "shutil.rmtree",
        "socket.socket",
        "pickle.loads",
        "joblib.load",
        "numpy.load",
        "operator.attrgetter",
        "runpy.run_path",
        "pandas.read_pickle",
        "sklearn.datasets.fetch_openml",
        "ctypes.CDLL",
        "numpy.lib.load",
    ],
)
def test_a_global_that_harms_is_called_so_and_never_advised(dotted: str) -> None:
    module, _, name = dotted.rpartition(".")
    content = calling(module, name)
    error = ForbiddenGlobal(dotted, next_step.of(dotted.replace("__builtin__", "builtins")))
    for reason in (refused(content), str(error)):
        assert "ALLOWED_GLOBALS" not in reason
        assert "environment add" not in reason
    assert "hostile or damaged" in str(error)


@pytest.mark.parametrize("name", ["sklearn.base.os.system", "pandas.core.frame.sys", "sklearn.base.__class__.mro"])
def test_a_way_through_a_library_to_what_harms_is_hostile_too(name: str) -> None:
    assert "hostile" in next_step.of(name)


def test_a_hostile_member_of_a_bundle_is_named_before_the_bundle() -> None:
    content = pickle.dumps({"model": 1}, 0)[:-1] + b"0" + calling("posix", "system")
    assert "posix.system" in refused(content)
    assert "hostile" in refused(content)


def test_a_foreign_package_is_answered_with_the_environment_to_add() -> None:
    content = dumped(FOREST).replace(b"sklearn.ensemble._forest", b"xgboost.ensemble._forest")
    command = f"`changeover environment add NAME scikit-learn=={sklearn.__version__} xgboost`"
    assert command in refused(content)
    own = dumped(FOREST).replace(b"sklearn.ensemble._forest", b"ourcode.ensemble._forest")
    assert "./ourcode-VERSION-py3-none-any.whl`" in refused(own)  # never a name for a public index to fill
    assert "ALLOWED_GLOBALS" not in refused(own)


def test_a_name_that_is_no_identifier_gets_into_no_command() -> None:
    for name in ("evil;ls.Model", "a b.Model", "x`ls`.Model", "sklearn.x;ls"):
        assert "`" not in next_step.of(name, (name,), "1.6.1")
        assert "ALLOWED_GLOBALS" not in next_step.of(name, (name,), "1.6.1")
    assert "evil" not in next_step.of("xgboost.Model", ("evil;ls.Model",), "1.6.1")


def test_a_class_of_a_script_is_to_be_put_into_a_package() -> None:
    reason = refused(
        dumped(FOREST).replace(b"sklearn.ensemble._forest", b"__main__").replace(b"\x18__main__", b"\x08__main__")
    )
    assert "__main__.RandomForestClassifier" in reason
    assert "put it into a package of your own" in reason
    assert "--allow-code" in reason


def test_code_by_value_needs_an_environment_that_admits_it() -> None:
    model = make_pipeline(FunctionTransformer(lambda table: table), LogisticRegression()).fit(X, Y)
    reason = refused(cloudpickle.dumps(model))
    assert f"`changeover environment add NAME scikit-learn=={sklearn.__version__} --allow-code`" in reason


def test_a_harmless_part_of_a_library_may_be_allowed_by_the_operator() -> None:
    reason = refused(make_pipeline(FunctionTransformer(np.fft.fft), FOREST))
    assert "ALLOWED_GLOBALS=numpy.fft.fft" in reason
    assert MADE_WITH in reason


def test_every_other_refusal_names_the_version_and_a_next_step() -> None:
    content = dumped(FOREST)
    assert "upload it again" in refused(content[: len(content) // 2])
    assert MADE_WITH in refused(content[: len(content) // 2])
    mismatch = explain(GoldenMismatch("golden row 0: prediction is 1, the manifest says 0"), content, MAX_BYTES)
    assert "record the golden rows again" in mismatch
    assert MADE_WITH in mismatch
    older = content.replace(sklearn.__version__.encode(), b"1.4.2"[: len(sklearn.__version__)])
    damaged = older.replace(b"n_estimators", b"n_estimatorx").replace(b"_forest", b"_forexx")
    assert "`changeover environment add NAME scikit-learn==1.4.2`" in refused(damaged)


def test_columns_that_pyarrow_keeps_are_refused_with_the_types_that_take_their_place() -> None:
    model = LogisticRegression().fit(FRAME, Y)
    for dtype in ("string[pyarrow]", "int64[pyarrow]"):
        model.columns_ = pd.Index(["1", "2", "3"]).astype(pd.ArrowDtype(pa.type_for_alias(dtype.partition("[")[0])))
        reason = refused(model)
        assert "dtype_backend='numpy_nullable'" in reason
        assert "`changeover environment add" not in reason


def test_an_environment_that_is_older_than_texts_of_pyarrow_is_to_be_made_again(tmp_path: Path) -> None:
    model = LogisticRegression().fit(FRAME, Y)
    model.columns_ = pd.Index(pd.array(["a", "b", "c"], dtype="string[pyarrow]"))
    older = json.loads(FILE.read_text(encoding="utf-8"))
    for kind in ("create", "call"):
        for module in ("pandas.arrays", "pyarrow.lib"):
            older[kind].pop(module, None)
    file = tmp_path / "allowed_globals.json"
    file.write_text(json.dumps(older), encoding="utf-8")
    with pytest.raises(ForbiddenGlobal, match="have the operator make it again"):
        load(dumped(model), LoadRules(allowed_globals_file=file))
    assert load(dumped(model)).estimator.columns_.tolist() == ["a", "b", "c"]  # type: ignore[attr-defined]
