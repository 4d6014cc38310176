"""The promote gate: minimum metrics for a version to become current.

The setting `GATE` holds its conditions: `f1_macro>=current, accuracy>=0.9`. A version is compared with the current one
only on the same held-out data, by the digest in the manifest's `evaluation`. The condition `disagreement<=0.02` is of
another kind: the rehearsal of a roll measures it on live requests (`model_server/rollouts/rehearsal.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from changeover.exceptions import InvalidGate
from changeover.json_types import Json
from changeover.manifest.manifest import Manifest
from changeover.names import short

CURRENT: Final = "current"
DISAGREEMENT: Final = "disagreement"  # the share of answers that differ from the current version's in a rehearsal
_CONDITION: Final = re.compile(r"\s*([^\s<>=,]+)\s*(>=|<=)\s*([^\s<>=,]+)\s*")
_WAYS: Final = "NAME>=current, NAME>=NUMBER, NAME<=current or NAME<=NUMBER, several separated by commas"


@dataclass(frozen=True)
class Condition:
    """One condition on a metric: `bound` is a number, or None for the current version's metric."""

    metric: str
    at_least: bool
    bound: float | None

    def __str__(self) -> str:
        return f"{self.metric}{'>=' if self.at_least else '<='}{CURRENT if self.bound is None else f'{self.bound:g}'}"

    @property
    def rehearsed(self) -> bool:
        """Whether a rehearsal measures it, and no manifest has it."""
        return self.metric == DISAGREEMENT

    def holds(self, figure: float, wanted: float) -> bool:
        """Whether `figure` meets the bound `wanted`."""
        return figure >= wanted if self.at_least else figure <= wanted


class Judgement(msgspec.Struct, frozen=True, rename={"figure": "candidate"}):
    """The result of one condition. `wanted` is the bound as a number, or None if there was none."""

    condition: str
    passed: bool
    figure: float | None
    wanted: float | None
    says: str


def parse(text: str) -> tuple[Condition, ...]:
    """The conditions in `text`, none if it is blank; raises InvalidGate naming the invalid one."""
    return tuple(_condition(part) for part in text.split(",")) if text.strip() else ()


def judge(
    conditions: Sequence[Condition], candidate: Manifest, current: Manifest | None, replaces: str | None = None
) -> list[Judgement]:
    """Evaluate each condition on metrics on `candidate`; without a `current` version, conditions on it pass.

    `replaces` is the current version: without its manifest `current`, conditions on it fail.
    """
    return [_judge(condition, candidate, current, replaces) for condition in conditions if not condition.rehearsed]


def summary(judgements: Sequence[Judgement]) -> str:
    """The judgements as one sentence for the ledger: `gate: f1_macro 0.94 >= 0.93 of c5c0352ff4fa`."""
    return f"gate: {'; '.join(judgement.says for judgement in judgements)}"


def refusal(judgements: Sequence[Judgement]) -> list[Json]:
    """The judgements as JSON, failed ones first."""
    failed_first: list[Json] = msgspec.to_builtins(sorted(judgements, key=lambda judgement: judgement.passed))
    return failed_first


def _condition(part: str) -> Condition:
    match = _CONDITION.fullmatch(part)
    if match is None:
        raise InvalidGate(f"{part.strip()!r} is no condition: write {_WAYS}")
    metric, sign, bound = match.groups()
    if metric == DISAGREEMENT and (sign != "<=" or not _is_share(bound)):
        raise InvalidGate(f"{part.strip()!r} is no line for a rehearsal: write {DISAGREEMENT}<=NUMBER, from 0 to 1")
    if bound == CURRENT:
        return Condition(metric, sign == ">=", None)
    try:
        number = float(bound)
    except ValueError:
        number = float("nan")
    if number - number != 0.0:
        raise InvalidGate(f"{part.strip()!r} compares with {bound!r}, which is no number and not `current`")
    return Condition(metric, sign == ">=", number)


def disagreement(conditions: Sequence[Condition]) -> float | None:
    """The largest share of answers that may differ in a rehearsal; None if no condition says so."""
    return min((each.bound for each in conditions if each.rehearsed and each.bound is not None), default=None)


def _is_share(bound: str) -> bool:
    """Whether `bound` is a number from 0 to 1."""
    try:
        return 0 <= float(bound) <= 1
    except ValueError:
        return False


def _judge(condition: Condition, candidate: Manifest, current: Manifest | None, replaces: str | None) -> Judgement:
    metric, relative = condition.metric, condition.bound is None
    if relative and current is None and replaces is not None:
        lost = f"the manifest of current {short(replaces)} cannot be read, so {metric} cannot be compared with it"
        return _failed(condition, candidate.metrics.get(metric), lost)
    if relative and current is None:
        return Judgement(
            str(condition), True, candidate.metrics.get(metric), None, f"{metric}: no version to compare with"
        )
    figure = candidate.metrics.get(metric)
    if figure is None:
        has = f"it has {', '.join(sorted(candidate.metrics))}" if candidate.metrics else "it has no metrics"
        return _failed(condition, None, f"no metric {metric}: {has}; publish it with {metric}")
    if condition.bound is not None:
        return _compared(condition, figure, condition.bound, "")
    assert current is not None
    return _like_with_like(condition, figure, candidate, current)


def _like_with_like(condition: Condition, figure: float, candidate: Manifest, current: Manifest) -> Judgement:
    """The metric of both versions on the same data, or the reason why they cannot be compared."""
    metric, of_current = condition.metric, short(current.version)
    wanted = current.metrics.get(metric)
    if wanted is None:
        return _failed(condition, figure, f"{metric} {figure:g}, but current {of_current} has no metric {metric}")
    ours, theirs = _data(candidate), _data(current)
    if ours is None or theirs is None:
        lacking = "neither version says" if ours is theirs else ("it does not say" if ours is None else "")
        lacking = lacking or f"current {of_current} does not say"
        why = f"{lacking} on which held-out data it was measured"
    elif ours != theirs:
        why = f"it was measured on other held-out data ({short(ours)}) than current {of_current} ({short(theirs)})"
    else:
        return _compared(condition, figure, wanted, f" of {of_current}")
    return _failed(condition, figure, f"{metric} {figure:g} and {wanted:g}, but {why}: only like is compared with like")


def _compared(condition: Condition, figure: float, wanted: float, whose: str) -> Judgement:
    passed = condition.holds(figure, wanted)
    sign = (">=" if condition.at_least else "<=") if passed else ("<" if condition.at_least else ">")
    left, right = _distinct(figure, wanted)
    return Judgement(str(condition), passed, figure, wanted, f"{condition.metric} {left} {sign} {right}{whose}")


def _distinct(left: float, right: float) -> tuple[str, str]:
    """Both numbers, with as few digits as show that they differ."""
    for digits in range(6, 17):
        pair = f"{left:.{digits}g}", f"{right:.{digits}g}"
        if left == right or pair[0] != pair[1]:
            return pair
    return repr(left), repr(right)


def _failed(condition: Condition, figure: float | None, says: str) -> Judgement:
    return Judgement(str(condition), False, figure, None, says)


def _data(manifest: Manifest) -> str | None:
    """The digest of the data that the metrics were measured on."""
    digest = (manifest.evaluation or {}).get("data_sha256")
    return digest if isinstance(digest, str) else None
