"""The examination of uploads by a real child process: passes, refusals with reasons, and its confinement."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from changeover.digest import sha256
from changeover.manifest.manifest import Draft, Manifest
from model_runner.admission.examiner import Admitted, Examiner, Limits, Refused
from model_runner.confinement.confine import MEASURES
from tests.integration.admission_artifacts import Tries

X = np.random.RandomState(0).rand(60, 4)
Y = (X[:, 0] > 0.5).astype(int)
EXTRA = frozenset({"tests.integration.admission_artifacts.Tries"})
PATIENCE = 90.0  # seconds; a busy machine imports slowly


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    examiner = Examiner(Limits(timeout_s=PATIENCE, memory_bytes=4 * 1024**3), EXTRA)
    yield examiner
    examiner.close()


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[..., Path]:
    def write(model: object, **how: object) -> Path:
        path = tmp_path / "model.joblib"
        if isinstance(model, bytes):
            path.write_bytes(model)
        else:
            joblib.dump(model, path, **how)
        return path

    return write


def admitted(verdict: Admitted | Refused) -> Manifest:
    assert isinstance(verdict, Admitted), verdict
    return verdict.manifest


def refused(verdict: Admitted | Refused) -> str:
    assert isinstance(verdict, Refused), verdict
    return verdict.reason


def test_every_measure_holds_here(examiner: Examiner) -> None:
    assert list(examiner.confinement) == list(MEASURES)
    assert all(examiner.confinement.values()), examiner.confinement


def test_a_good_model_is_described(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    path = artifact(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), compress=3)
    verdict = admitted(examiner.examine("loan", path, Draft(environment={"numpy": "1.0.0"}), {}))
    assert verdict.version == sha256(path.read_bytes())
    assert [column["name"] for column in verdict.schema["columns"]] == ["x0", "x1", "x2", "x3"]  # type: ignore[index, union-attr, call-overload]
    assert verdict.estimator == {
        "type": "Pipeline",
        "kind": "classifier",
        "predict_proba": True,
        "includes": ["decision"],
    }
    assert verdict.classes == [0, 1]
    assert verdict.golden is not None
    assert verdict.golden["rows"] == [{"x0": 0, "x1": 0, "x2": 0, "x3": 0}]
    assert verdict.environment == {"numpy": "1.0.0", "scikit-learn": sklearn.__version__}
    assert len(verdict.warnings) == 1
    assert "numpy 1.0.0" in verdict.warnings[0]


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(3, n_jobs=-1),
        HistGradientBoostingClassifier(max_iter=2),
        BaggingClassifier(n_estimators=2, n_jobs=2),
        make_pipeline(
            ColumnTransformer([("a", StandardScaler(), [0]), ("b", StandardScaler(), [1])], n_jobs=2),
            LogisticRegression(),
        ),
        LinearRegression(),
    ],
    ids=["forest of all processors", "boosting", "bagging with processes", "columns with processes", "regressor"],
)
def test_confinement_is_no_hindrance_to_a_model(
    examiner: Examiner, artifact: Callable[..., Path], model: object
) -> None:
    admitted(examiner.examine("loan", artifact(model.fit(X, Y)), Draft(), {}))  # type: ignore[attr-defined]


def test_golden_rows_are_recorded_or_replayed(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    path = artifact(LogisticRegression().fit(X, Y))
    rows = [dict.fromkeys(["x0", "x1", "x2", "x3"], 0.5)]
    recorded = admitted(examiner.examine("loan", path, Draft(golden={"rows": rows}), {})).golden  # type: ignore[dict-item]
    assert recorded is not None
    assert recorded["rows"] == rows
    assert len(recorded["outputs"]) == 1  # type: ignore[arg-type]
    assert admitted(examiner.examine("loan", path, Draft(golden=recorded), {})).golden == recorded
    other = recorded | {"outputs": [{"prediction": 7}]}
    assert "golden row 0: prediction" in refused(examiner.examine("loan", path, Draft(golden=other), {}))


def test_the_publishers_schema_is_kept_and_must_fit(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    path = artifact(LinearRegression().fit(X, Y))
    columns = [{"name": name, "type": "number", "nullable": False} for name in "abcd"]
    verdict = admitted(examiner.examine("loan", path, Draft(schema={"columns": columns}), {}))  # type: ignore[dict-item]
    assert verdict.schema["columns"] == columns
    assert "canary" in refused(examiner.examine("loan", path, Draft(schema={"columns": columns[:2]}), {}))  # type: ignore[dict-item]
    assert "column" in refused(examiner.examine("loan", path, Draft(schema={"columns": [{"type": 1}]}), {}))


def test_what_is_no_model_is_refused_with_the_reason(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    whole = artifact(LogisticRegression().fit(X, Y)).read_bytes()
    reasons = {
        b"": "empty",
        b"<html></html>": "HTML",
        b"a,b\n1,2\n": "CSV",
        whole[: len(whole) // 2]: "cut off",
    }
    for content, reason in reasons.items():
        assert reason in refused(examiner.examine("loan", artifact(content), Draft(), {}))
    assert "cannot predict" in refused(examiner.examine("loan", artifact({"a": 1}), Draft(), {}))
    assert "cannot predict" in refused(examiner.examine("loan", artifact(StandardScaler().fit(X)), Draft(), {}))


def test_a_hostile_artifact_is_refused_by_name(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    hostile = artifact(b"cposix\nsystem\n(S'touch /tmp/changeover-admission-test'\ntR.")
    assert "posix.system" in refused(examiner.examine("loan", hostile, Draft(), {}))
    unlisted = artifact(make_pipeline(FunctionTransformer(np.fft.fft), LogisticRegression()))
    assert "ALLOWED_GLOBALS" in refused(examiner.examine("loan", unlisted, Draft(), {}))
    assert not Path("/tmp/changeover-admission-test").exists()


def test_another_minor_version_of_scikit_learn_is_refused(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    """Fault 54: at admission."""
    here = sklearn.__version__
    body = artifact(LogisticRegression().fit(X, Y)).read_bytes()
    skewed = artifact(body.replace(here.encode(), ("0" + here[1:]).encode()))
    assert "made with scikit-learn 0." in refused(examiner.examine("loan", skewed, Draft(), {}))
    patched = artifact(body.replace(here.encode(), (here[:-1] + "9").encode()))
    assert "made with scikit-learn" in admitted(examiner.examine("loan", patched, Draft(), {})).warnings[0]


@pytest.mark.parametrize("attempt", ["nothing", "a thread", "the environment"])
def test_what_a_model_may_do_it_can(examiner: Examiner, artifact: Callable[..., Path], attempt: str) -> None:
    admitted(examiner.examine("loan", artifact(Tries(attempt, on_load=attempt == "nothing").fit(X)), Draft(), {}))


@pytest.mark.parametrize(
    "attempt",
    [
        "write a file",
        "read /etc/passwd",
        "read the parent's environment",
        "list the home",
        "remove a file",
        "open a socket",
        "connect",
        "run a program",
        "fork",
        "kill the parent",
        "use its socket",
    ],
)
def test_even_code_that_runs_reaches_nothing(examiner: Examiner, artifact: Callable[..., Path], attempt: str) -> None:
    victim = Path("/tmp/changeover-admission-victim")
    victim.write_text("still here", encoding="utf-8")
    try:
        reason = refused(examiner.examine("loan", artifact(Tries(attempt, on_load=False).fit(X)), Draft(), {}))
        assert victim.read_text(encoding="utf-8") == "still here"
    finally:
        victim.unlink(missing_ok=True)
    assert "PermissionError" in reason
    assert not Path("/tmp/changeover-admission-test").exists()


def test_a_model_that_raises_when_asked_fails_the_canary(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    """Fault 26: for the canary."""
    reason = refused(examiner.examine("loan", artifact(Tries("raise", on_load=False).fit(X)), Draft(), {}))
    assert "canary" in reason
    assert "ZeroDivisionError" in reason


def test_a_model_that_raises_on_load_is_refused(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    """Fault 25: at admission."""
    assert "ZeroDivisionError" in refused(examiner.examine("loan", artifact(Tries("raise")), Draft(), {}))


def test_a_model_that_uses_up_memory_is_refused(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    """Fault 74: beyond ADMISSION_MEMORY_BYTES."""
    assert "memory" in refused(examiner.examine("loan", artifact(Tries("use up memory")), Draft(), {}))


def test_a_model_that_crashes_the_process_is_refused(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    assert "SIGSEGV" in refused(examiner.examine("loan", artifact(Tries("crash")), Draft(), {}))


def test_a_child_that_leaves_without_a_verdict_is_a_refusal(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    assert "no usable verdict" in refused(examiner.examine("loan", artifact(Tries("leave")), Draft(), {}))


def test_several_uploads_are_examined_in_parallel(examiner: Examiner, artifact: Callable[..., Path]) -> None:
    path = artifact(LogisticRegression().fit(X, Y))
    verdicts: list[Admitted | Refused] = []
    threads = [
        threading.Thread(target=lambda: verdicts.append(examiner.examine("loan", path, Draft(), {}))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * PATIENCE)
    assert len(verdicts) == 4
    assert len({admitted(verdict).version for verdict in verdicts}) == 1
