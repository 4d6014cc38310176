"""The comparison of two vectors of counts: which columns and answers changed, by how much, and in which direction.

A change is shown if chance does not explain it (the line falls with the numbers of rows and is divided among the columns)
and it is large enough to matter. `docs/drift.md` has the formulas.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from changeover.drift.reference import Categories, Numbers, Part, Reference, Variable, labels, parts
from changeover.drift.statistics import distance, noise_line, share_interval, stability_index

ALPHA: Final = 0.01  # the probability of a false alarm in one window
WORTH: Final = 0.05  # an index below it is not worth showing: a shift of about 0.22 standard deviations
WORTH_SHARE: Final = 0.01  # the same for a share of missing values
FEWEST_ROWS: Final = 200
_FEWEST_EXPECTED: Final = 5.0  # in a bin, for the chi-squared distribution to hold (Cochran 1954)
_KINDS: Final = 3  # of findings about quality


class Shift(msgspec.Struct, frozen=True):
    """The change of one column or of one value of the answers.

    `psi` is the stability index and `line` what chance explains of it; `changed`: it is above that line and worth showing.
    `rows` and `rows_before` are the numbers of values. `mean_shift` and `distance` (Wasserstein) are in standard deviations of
    the reference, None for categories. `bin` is the bin that moved most, with its shares.
    """

    name: str
    psi: float
    line: float
    changed: bool
    rows: int
    rows_before: int
    mean_shift: float | None
    distance: float | None
    bin: str
    share: float
    share_before: float
    of_predictions: bool = False


class Quality(msgspec.Struct, frozen=True):
    """A share of values of one column that are `missing`, `unseen` (a new category) or `outside` the reference's range.

    `low` and `high` are the interval of the share. `changed`: it differs from the share before by more than chance and
    is worth showing.
    """

    name: str
    what: str
    share: float
    low: float
    high: float
    share_before: float
    changed: bool


class Verdict(msgspec.Struct, frozen=True):
    """The comparison of `rows` rows with `rows_before`. `enough`: there are rows enough to compare.

    `quality` has the shares that changed or are not 0, the largest first; `shifts` are in the order of psi / line. `confidence` is
    the mean of the highest probability, now and before: an estimate of the accuracy, if the model is calibrated.
    """

    rows: int
    rows_before: int
    enough: bool
    quality: list[Quality] = []
    shifts: list[Shift] = []
    confidence: tuple[float, float] | None = None

    @property
    def changed(self) -> bool:
        """Whether anything changed."""
        return any(found.changed for found in self.quality) or any(shift.changed for shift in self.shifts)


HIGHEST: Final = "highest probability"


def judge(
    reference: Reference,
    before: Sequence[int],
    now: Sequence[int],
    rows_before: int,
    rows: int,
    alpha: float = ALPHA,
) -> Verdict:
    """Compare the vector `now`, of `rows` rows, with `before`; both are by the bins of `reference`."""
    if min(rows, rows_before) < FEWEST_ROWS:
        return Verdict(rows, rows_before, enough=False)
    every = parts(reference)
    compared = [part for part in every if _present(part, before) and _present(part, now)]
    each = alpha / max(1, len(compared))
    shifts = [shift for part in compared if (shift := _shift(part, before, now, each)) is not None]
    shifts.sort(key=lambda shift: shift.psi / shift.line, reverse=True)
    columns = [part for part in every if not part.of_predictions]
    share_alpha = alpha / (_KINDS * max(1, len(columns)))
    quality = [found for part in columns for found in _quality(part, before, now, share_alpha)]
    quality.sort(key=lambda found: (found.changed, found.share), reverse=True)
    confidence = next((_means(part, before, now) for part in compared if _is_confidence(part)), None)
    return Verdict(rows, rows_before, True, quality, shifts, confidence)


def bins(variable: Variable, counts: Sequence[int]) -> list[int]:
    """The counts of the bins that are compared: of known values. Numbers beyond the range are in the outer bins."""
    if isinstance(variable, Numbers):
        below, *inner, above, _ = counts
        inner[0] += below
        inner[-1] += above
        return inner
    return list(counts[:-2]) if isinstance(variable, Categories) else []


def bin_names(variable: Variable) -> list[str]:
    """The names of these bins."""
    if isinstance(variable, Numbers):
        return [f"{value:g}" for value in variable.values] or list(labels(tuple(variable.edges)))
    return [*map(str, variable.values), "other values"] if isinstance(variable, Categories) else []


def centres(variable: Numbers) -> list[float]:
    """The middle of each bin."""
    if variable.values:
        return variable.values
    limits = [variable.least, *variable.edges, variable.most]
    return [(low + high) / 2 for low, high in itertools.pairwise(limits)]


def _present(part: Part, counts: Sequence[int]) -> bool:
    """Whether there are values enough to compare."""
    return sum(bins(part.variable, part.of(counts))) >= FEWEST_ROWS


def _shift(part: Part, before: Sequence[int], now: Sequence[int], alpha: float) -> Shift | None:
    """The change of one variable; None if it has one bin only."""
    variable = part.variable
    old, new = bins(variable, part.of(before)), bins(variable, part.of(now))
    m, n = sum(old), sum(new)
    merged_old, merged_new = _merged(old, new, ordered=isinstance(variable, Numbers))
    if len(merged_old) < 2:
        return None
    psi, line = stability_index(merged_old, merged_new), noise_line(m, n, len(merged_old), alpha)
    p, q = [count / n for count in new], [count / m for count in old]
    most = max(range(len(p)), key=lambda index: abs(p[index] - q[index]))
    moved = change = None
    if isinstance(variable, Numbers) and variable.scale > 0:
        total, difference = distance(q, p, centres(variable))
        moved, change = total / variable.scale, difference / variable.scale
    return Shift(
        name=part.name,
        psi=psi,
        line=line,
        changed=psi >= line and psi >= WORTH,
        rows=n,
        rows_before=m,
        mean_shift=change,
        distance=moved,
        bin=bin_names(variable)[most],
        share=p[most],
        share_before=q[most],
        of_predictions=part.of_predictions,
    )


def _merged(before: Sequence[int], now: Sequence[int], *, ordered: bool) -> tuple[list[int], list[int]]:
    """The bins, joined until each expects _FEWEST_EXPECTED rows on both sides if nothing changed.

    Neighbours are joined if the bins are `ordered`, else the rare ones.
    """
    m, n = sum(before), sum(now)
    fewest = _FEWEST_EXPECTED * (m + n) / min(m, n)  # of both sides together
    pairs = list(zip(before, now, strict=True))
    if not ordered:
        pairs.sort(key=sum, reverse=True)
    merged: list[tuple[int, int]] = []
    old = new = 0
    for each_old, each_new in pairs:
        old, new = old + each_old, new + each_new
        if old + new >= fewest:
            merged.append((old, new))
            old = new = 0
    if old + new:
        last_old, last_new = merged.pop() if merged else (0, 0)
        merged.append((last_old + old, last_new + new))
    return [old for old, _ in merged], [new for _, new in merged]


def _quality(part: Part, before: Sequence[int], now: Sequence[int], alpha: float) -> Iterator[Quality]:
    variable, old, new = part.variable, part.of(before), part.of(now)
    yield from _share(part.name, "missing", old[-1], sum(old), new[-1], sum(new), alpha)
    m, n = sum(old) - old[-1], sum(new) - new[-1]  # values that are there
    if isinstance(variable, Categories):
        yield from _share(part.name, "unseen", old[-2], m, new[-2], n, alpha)
    elif isinstance(variable, Numbers):
        yield from _share(part.name, "outside", old[0] + old[-2], m, new[0] + new[-2], n, alpha)


def _share(name: str, what: str, old: int, m: int, new: int, n: int, alpha: float) -> Iterator[Quality]:
    """The finding about `new` of `n` values, if there is one; `old` of `m` before."""
    if min(m, n) < FEWEST_ROWS or not (old or new):
        return
    low, high = share_interval(new, n, alpha)
    old_low, old_high = share_interval(old, m, alpha)
    changed = (low > old_high or high < old_low) and abs(new / n - old / m) >= WORTH_SHARE
    if new or changed:
        yield Quality(name, what, new / n, low, high, old / m, changed)


def _is_confidence(part: Part) -> bool:
    return part.of_predictions and part.name == HIGHEST and isinstance(part.variable, Numbers)


def _means(part: Part, before: Sequence[int], now: Sequence[int]) -> tuple[float, float]:
    """The mean by bins, now and before."""
    assert isinstance(part.variable, Numbers)
    middles = centres(part.variable)
    old, new = bins(part.variable, part.of(before)), bins(part.variable, part.of(now))
    return _mean(new, middles), _mean(old, middles)


def _mean(counts: Sequence[int], middles: Sequence[float]) -> float:
    return sum(count * middle for count, middle in zip(counts, middles, strict=True)) / sum(counts)


def sentence(found: Shift | Quality, before: str = "in the reference") -> str:
    """The finding in plain English; `before` is where it was otherwise."""
    if isinstance(found, Quality):
        words = {"missing": "missing", "unseen": "new categories", "outside": "outside the range of the reference"}
        return (
            f"{found.name}: {found.share:.1%} of the values are {words[found.what]}, {found.share_before:.1%} {before}"
        )
    moved = f"{found.share:.1%} of the values are {found.bin}, {found.share_before:.1%} {before}"
    if found.mean_shift is None:
        return f"{found.name} changed: {moved}"
    way = "up" if found.mean_shift > 0 else "down"
    return f"{found.name} moved {way} by {abs(found.mean_shift):.2f} standard deviations: {moved}"
