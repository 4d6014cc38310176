"""Many models judged at the same time, and the counts of their verdicts."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.own_answer.verdict import GOOD, Outcome, Verdict

AT_ONCE = 3  # models that are served side by side; their requests mix


def judged_all(judges: Mapping[str, Callable[[], Verdict]]) -> dict[str, Verdict]:
    """The verdict of each, some at the same time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(judges, pool.map(lambda judge: judge(), judges.values()), strict=True))


def counts(verdicts: Iterable[Verdict]) -> str:
    """One line: how many have which outcome."""
    found = Counter(verdict.outcome for verdict in verdicts)
    return ", ".join(f"{found[outcome]} {outcome.value}" for outcome in Outcome if found[outcome])


def bad(verdicts: Mapping[str, Verdict]) -> list[str]:
    """The name and the reason of each that is not good."""
    return [
        f"{name}: {verdict.outcome}: {verdict.reason}"
        for name, verdict in verdicts.items()
        if verdict.outcome not in GOOD
    ]
