"""The zygote of admission: its end, theirs, and the result of an examination that loses either."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import joblib
import psutil
import pytest
from sklearn.linear_model import LinearRegression

from changeover.manifest.manifest import Draft
from model_runner.admission.examiner import Admitted, Examiner, Limits, Refused
from tests.conftest import wait_until
from tests.integration.admission_artifacts import Tries

EXTRA = frozenset({"tests.integration.admission_artifacts.Tries"})


@pytest.fixture
def examiner() -> Iterator[Examiner]:
    examiner = Examiner(Limits(), EXTRA)
    yield examiner
    examiner.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    joblib.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), tmp_path / "good.joblib")
    return tmp_path / "good.joblib"


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    joblib.dump(Tries("never end"), tmp_path / "endless.joblib")
    return tmp_path / "endless.joblib"


def zygotes() -> list[psutil.Process]:
    processes = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # or a zombie, which has also ended
            if "model_runner.zygote" in " ".join(child.cmdline()):
                processes.append(child)
    return processes


def child_of(zygote: psutil.Process) -> psutil.Process:
    (child,) = wait_until(zygote.children, what="a child")
    wait_until(lambda: child.cpu_times().user > 0.1, what="the endless load")
    return child


class Examination:
    """An examination that runs in a thread."""

    def __init__(self, examiner: Examiner, path: Path) -> None:
        self.verdict: Admitted | Refused | None = None
        self._thread = threading.Thread(target=self._run, args=(examiner, path))
        self._thread.start()

    def _run(self, examiner: Examiner, path: Path) -> None:
        self.verdict = examiner.examine("loan", path, Draft(), {})

    def refusal(self) -> str:
        self._thread.join(60)
        assert isinstance(self.verdict, Refused)
        return self.verdict.reason


def test_one_process_forks_for_all_examinations_and_ends_with_its_user(examiner: Examiner, good: Path) -> None:
    assert zygotes() == []
    assert isinstance(examiner.examine("loan", good, Draft(), {}), Admitted)
    (first,) = zygotes()
    assert isinstance(examiner.examine("loan", good, Draft(), {}), Admitted)
    assert zygotes() == [first]
    assert first.num_threads() == 1
    examiner.close()
    assert not first.is_running()


def test_the_zygote_is_started_again_when_it_was_killed(examiner: Examiner, good: Path) -> None:
    assert isinstance(examiner.examine("loan", good, Draft(), {}), Admitted)
    (first,) = zygotes()
    first.kill()
    assert isinstance(examiner.examine("loan", good, Draft(), {}), Admitted)
    assert first not in zygotes()


def test_an_examination_that_loses_it_is_a_refusal_and_leaves_no_process(examiner: Examiner, endless: Path) -> None:
    examination = Examination(examiner, endless)
    (zygote,) = wait_until(zygotes, what="the zygote")
    child = child_of(zygote)
    zygote.kill()
    assert "killed from outside" in examination.refusal()
    wait_until(lambda: not child.is_running(), what="the child's end")


def test_one_that_is_killed_leaves_the_others_alone(examiner: Examiner, endless: Path, good: Path) -> None:
    examination = Examination(examiner, endless)
    (zygote,) = wait_until(zygotes, what="the zygote")
    child = child_of(zygote)
    assert isinstance(examiner.examine("loan", good, Draft(), {}), Admitted)
    child.kill()
    assert "killed from outside" in examination.refusal()
    assert zygotes() == [zygote]
    assert zygote.children() == []


def test_closing_while_one_is_examined_refuses_nothing(examiner: Examiner, endless: Path) -> None:
    examination = Examination(examiner, endless)
    (zygote,) = wait_until(zygotes, what="the zygote")
    child = child_of(zygote)
    examiner.close()
    assert examination.verdict is None
    assert (zygote.is_running(), child.is_running()) == (True, True)
    child.kill()
    assert "killed from outside" in examination.refusal()


def test_one_that_is_stopped_at_its_deadline_is_gone(endless: Path, good: Path) -> None:
    """Fault 32: at admission."""
    impatient = Examiner(Limits(timeout_s=2), EXTRA)
    try:
        reason = impatient.examine("loan", endless, Draft(), {})
        assert isinstance(reason, Refused)
        assert "ADMISSION_TIMEOUT" in reason.reason
        (zygote,) = zygotes()
        assert zygote.children() == []
    finally:
        impatient.close()


def test_it_gives_its_memory_back_when_there_is_nothing_to_do(good: Path) -> None:
    examiner = Examiner(Limits(), EXTRA, idle_seconds=0.1)
    try:
        assert isinstance(examiner.examine("loan", good, Draft(), {}), Admitted)
        wait_until(lambda: zygotes() == [], what="its end")
        assert isinstance(examiner.examine("loan", good, Draft(), {}), Admitted)
    finally:
        examiner.close()
