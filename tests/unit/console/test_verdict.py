"""The verdict on a model: what each worker confirms, in one word and one sentence."""

from changeover.protocol.wire import Current
from model_server.console.verdict import Worker, judge

NEW, OLD = Current(7, "b" * 64), Current(6, "a" * 64)


def worker(name: str = "web-2/3", held: Current | None = NEW, silent_s: float = 0.2) -> Worker:
    return Worker(name, "web-2", 3, held, silent_s, silent_s <= 3, frozenset(), {})


def test_all_workers_confirm() -> None:
    verdict = judge(NEW, [worker(), worker("web-2/4")])
    assert (verdict.level, verdict.word) == ("green", "confirmed")
    assert verdict.sentence == "All 2 workers answer by bbbbbbbbbbbb."
    assert judge(NEW, [worker()]).sentence == "The one worker answers by bbbbbbbbbbbb."


def test_a_worker_with_the_version_before_is_named_with_its_version() -> None:
    verdict = judge(NEW, [worker(), worker("web-2/4", OLD, 2.0)])
    assert (verdict.level, verdict.word) == ("red", "behind")
    assert verdict.sentence == "Worker web-2/4 answers by aaaaaaaaaaaa: it last checked a moment ago."


def test_the_same_version_of_an_earlier_rollout_is_behind_too() -> None:
    assert judge(NEW, [worker(held=Current(5, NEW.version))]).word == "behind"


def test_many_workers_behind_are_counted() -> None:
    verdict = judge(NEW, [worker(f"web/{number}", None) for number in range(5)])
    assert "without a version" in verdict.sentence
    assert verdict.sentence.endswith("And 3 more.")


def test_a_silent_worker_is_amber_and_says_that_its_answers_are_stale() -> None:
    verdict = judge(NEW, [worker(), worker("web-9/1", OLD, 41.0)])
    assert (verdict.level, verdict.word) == ("amber", "worker silent")
    assert "web-9/1 has been silent for 40 s" in verdict.sentence
    assert "stale" in verdict.sentence


def test_without_any_worker_the_verdict_says_so() -> None:
    assert judge(NEW, []).level == "amber"
    lost = judge(NEW, [worker(silent_s=125.0)])
    assert (lost.level, lost.word) == ("red", "no worker")
    assert "2 min" in lost.sentence


def test_without_a_version_the_verdict_says_so() -> None:
    assert judge(None, [worker(held=None)]).word == "no version"
