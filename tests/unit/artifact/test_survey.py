"""The survey of an artifact: its names, versions and outline, without running anything of it."""

import io
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import all_estimators

from changeover.artifact.inert import machine
from changeover.artifact.roles import Role
from changeover.artifact.survey import Survey, survey
from changeover.exceptions import UnreadableArtifact
from tests.unit.artifact.test_unpickler import instances

MOST = 2**30
X = np.random.RandomState(0).rand(40, 3)
Y = (X[:, 0] > 0.5).astype(int)
FRAME = pd.DataFrame(X, columns=list("abc"))
PIPELINE = make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)).fit(FRAME, Y)
WORDS = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["red apple", "green pear"] * 20, Y)


def dumped(model: object, **how: Any) -> bytes:
    target = io.BytesIO()
    joblib.dump(model, target, **how)
    return target.getvalue()


def surveyed(model: object, **how: Any) -> Survey:
    return survey(dumped(model, **how), MOST)


class Calls:
    """An object whose pickle calls `function`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
@pytest.mark.parametrize("protocol", range(6))
def test_a_joblib_file_of_any_compression_and_protocol_is_read(compress: object, protocol: int) -> None:
    facts = surveyed(PIPELINE, compress=compress, protocol=protocol)
    assert facts.incomplete == ""
    assert facts.sklearn == (sklearn.__version__,)
    assert facts.top.kind == "sklearn.pipeline.Pipeline"
    assert facts.top.role is Role.MODEL
    assert {"sklearn.ensemble._forest.RandomForestClassifier", "sklearn.tree._tree.Tree"} <= set(facts.globals)
    assert set(facts.roots) <= {"sklearn", "numpy", "joblib", "copyreg", "builtins", "_codecs"}
    assert facts.code == ()
    assert facts.protocol >= max(protocol, 2)  # joblib writes arrays of objects by the newest


@pytest.mark.parametrize("protocol", range(6))
def test_a_plain_pickle_is_read(protocol: int) -> None:
    facts = survey(pickle.dumps(WORDS, protocol), MOST)
    assert facts.incomplete == ""
    assert facts.sklearn == (sklearn.__version__,)
    assert "sklearn.feature_extraction.text.TfidfVectorizer" in facts.globals


@pytest.mark.filterwarnings("ignore")
def test_every_estimator_of_scikit_learn_is_read_to_its_end_and_known_as_a_model_or_not() -> None:
    for name, kind in all_estimators():
        for estimator in instances(name, kind):
            facts = surveyed(estimator)
            assert facts.incomplete == "", name
            assert facts.top.name == name
            assert facts.sklearn == (sklearn.__version__,)
            if name != "LocalOutlierFactor":  # which predicts or not by an option
                assert (facts.top.role is Role.MODEL) == hasattr(estimator, "predict"), name


def test_versions_and_names_inside_arrays_of_objects_are_found() -> None:
    inner = np.array([LogisticRegression().fit(X, Y), np.array([{"a": StandardScaler()}], dtype=object)], dtype=object)
    facts = surveyed({"models": inner, "after": np.arange(5), "last": pd.NA})
    assert facts.incomplete == ""
    assert "sklearn.linear_model._logistic.LogisticRegression" in facts.globals
    assert "pandas.NA" in facts.globals
    assert "sklearn.preprocessing._data.StandardScaler" in facts.globals
    assert facts.sklearn == (sklearn.__version__,)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 0)),
        np.array(1.5),
        np.array(["a", "bcd"]),
        np.array(["2026-01-01"], dtype="datetime64[s]"),
        np.zeros(4, dtype=[("a", "f8"), ("b", "i4", (2, 2)), ("c", [("d", "u1")])]),
        np.zeros(4, dtype=[("a", "f8"), ("b", object)]),
        np.asfortranarray(np.ones((3, 4), dtype=">f4")),
        np.ma.masked_array([1, 2], [True, False]),
        np.array([True, None], dtype=object),
    ],
    ids=lambda array: str(array.dtype)[:30],
)
@pytest.mark.parametrize("compress", [0, 3])
def test_the_bytes_of_an_array_are_passed_over(array: object, compress: int) -> None:
    facts = surveyed([array, StandardScaler()], compress=compress)
    assert facts.incomplete == ""
    assert "sklearn.preprocessing._data.StandardScaler" in facts.globals


def test_nothing_that_an_artifact_names_is_imported_or_called(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "imports_itself.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass Model: pass\n")
    program = b"cimports_itself\nModel\n(tR(Vtouch " + str(mark).encode() + b"\ntRcposix\nsystem\n(Vtouch "
    program += str(mark).encode() + b"\ntR0."
    (tmp_path / "artifact").write_bytes(program)
    script = (
        "import sys; from changeover.artifact.survey import survey;"
        f"sys.path.insert(0, {str(tmp_path)!r}); before = set(sys.modules);"
        f"print(survey(open({str(tmp_path / 'artifact')!r}, 'rb').read(), 1000).globals);"
        "print({name for name in set(sys.modules) - before if not name.startswith('encodings.')})"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["('imports_itself.Model', 'posix.system')", "set()"]
    assert not mark.exists()


def test_the_survey_needs_no_library_of_the_artifact() -> None:
    script = (
        "import sys; import changeover.artifact.survey;"
        "print([name for name in ('sklearn', 'pandas', 'scipy', 'joblib') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_code_carried_by_value_and_code_left_behind_are_shown() -> None:
    facts = survey(cloudpickle.dumps(FunctionTransformer(lambda table: table)), MOST)
    assert "cloudpickle.cloudpickle._make_function" in facts.code
    assert survey(b"c__main__\nOwn\n.", MOST).code == ("__main__.Own",)
    assert surveyed(FunctionTransformer(np.log1p)).code == ()


def test_a_bundle_is_outlined_with_the_place_of_each_member() -> None:
    bundle = {"model": PIPELINE, "parts": {"v": TfidfVectorizer(), "scaler": StandardScaler()}, 3: ["a", "b"], "n": 0.5}
    facts = surveyed(bundle)
    assert facts.top.kind == "builtins.dict"
    assert [(member.where, member.name, member.role) for member in facts.top.members] == [
        ('["model"]', "Pipeline", Role.MODEL),
        ('["parts"]["v"]', "TfidfVectorizer", Role.VECTORIZER),
        ('["parts"]["scaler"]', "StandardScaler", Role.TRANSFORMER),
        ("[3]", "list", Role.COLUMNS),
        ('["n"]', "float", Role.OTHER),
    ]
    assert [member.where for member in surveyed((PIPELINE, list("abc"))).top.members] == ["[0]", "[1]"]
    assert surveyed(FRAME).top.role is Role.DATA
    assert surveyed(TfidfVectorizer()).top.role is Role.VECTORIZER


def test_a_key_that_is_no_plain_text_is_not_repeated() -> None:
    for key in ('"] + evil["', "line\nbreak", "x" * 500, 10**5000, (1, 2)):
        assert [member.where for member in survey(pickle.dumps({key: PIPELINE}), MOST).top.members] == ["[...]"]


def test_a_version_that_is_none_is_not_taken() -> None:
    scaler = StandardScaler().fit(X)
    content = dumped(scaler).replace(sklearn.__version__.encode(), b"1.;ls"[: len(sklearn.__version__)])
    assert content != dumped(scaler)
    assert survey(content, MOST).sklearn == ()


def test_a_truncated_file_gives_what_was_read_until_then() -> None:
    content = dumped({"model": PIPELINE})
    facts = survey(content[: len(content) * 3 // 4], MOST)
    assert facts.incomplete
    assert facts.sklearn == (sklearn.__version__,)
    assert "sklearn.pipeline.Pipeline" in facts.globals
    assert facts.top.kind == "builtins.dict"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"<html></html>"])
def test_bytes_that_are_no_artifact_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableArtifact):
        survey(content, MOST)


def test_a_file_that_unpacks_to_more_than_it_may_is_not_read_on() -> None:
    assert "cap on decompressed sizes" in survey(dumped(np.zeros(10**6), compress=3), 10**5).incomplete


def test_any_damage_gives_a_survey_or_one_named_fault() -> None:
    whole = dumped(make_pipeline(FunctionTransformer(np.log1p), LogisticRegression().fit(X, Y)))
    draw = random.Random(0)
    for _ in range(4_000):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            survey(bytes(damaged[: draw.randint(1, len(damaged))]), MOST)
        except UnreadableArtifact:
            continue


def array_note(dtype: bytes, shape: bytes) -> bytes:
    """A pickle of joblib's note of an array, whose dtype and shape are the opcodes given."""
    return b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(Vdtype\n" + dtype + b"Vshape\n" + shape + b"ub."


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        (b"Vf8\n", b"(K\x03t"),
        (b"cnumpy\ndtype\n(Vf8, evil\ntR", b"(K\x03t"),
        (b"cnumpy\ndtype\n(Vf8\ntR", b"(J\xff\xff\xff\xfft"),
        (b"cnumpy\ndtype\n(Vf8\ntR", b"N"),
        (b"cnumpy\ndtype\n(Vf8\ntR", b"(" + b"\x8a\x09" + b"\xff" * 8 + b"\x00t"),
        (b"cnumpy\ndtype\n(Vf8\ntR", b"(" + b"K\x01" * 100 + b"t"),
        (
            b"cnumpy\ndtype\n(VV8\ntR(K\x03V|\nNN}Vx\n(cnumpy\ndtype\n(VO\ntRK\x00tsJ\xff\xff\xff\xffK\x01K\x10tb",
            b"(K\x03t",
        ),
    ],
)
def test_a_forged_array_ends_the_survey(dtype: bytes, shape: bytes) -> None:
    assert survey(array_note(dtype, shape), MOST).incomplete


def test_deep_objects_neither_recurse_nor_crash() -> None:
    deep = b"]" + b"\x85" * 1_000_000 + b"."
    assert survey(deep, MOST).incomplete == ""


def test_a_dtype_that_holds_the_same_one_again_and_again_is_read_once() -> None:
    dtypes = (
        b"cnumpy\ndtype\n(VV8\ntRp0\n"
        b"(K\x03V|\nNN}(" + b"".join(b"V%d\n(g0\nK\x00t" % index for index in range(100)) + b"uK\x08K\x01K\x10tb"
    )
    assert survey(array_note(dtypes, b"(K\x00t"), MOST).incomplete == ""


def test_arrays_of_objects_in_one_another_have_a_bound() -> None:
    note = array_note(b"cnumpy\ndtype\n(VO\ntR", b"(K\x01t")[:-1]
    assert "arrays of objects in one another" in survey(note * 100, MOST).incomplete


def test_steps_and_names_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    many = b"".join(b"cm\nn%d\n0" % index for index in range(machine.MOST_GLOBALS + 1)) + b"N."
    facts = survey(many, MOST)
    assert len(facts.globals) == machine.MOST_GLOBALS
    assert "classes and functions" in facts.incomplete
    assert len(survey(b"cm\n" + b"n" * 100_000 + b"\n.", MOST).globals[0]) == machine.LONGEST_NAME
    monkeypatch.setattr(machine, "MOST_STEPS", 1_000)
    assert "steps" in survey(b"N0" * 1_000 + b"N.", MOST).incomplete


def test_a_call_is_recorded_by_name() -> None:
    facts = survey(pickle.dumps([Calls(os.getcwd)]), MOST)
    assert facts.globals == (f"{os.name}.getcwd",)
    assert facts.incomplete == ""
