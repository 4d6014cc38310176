"""The reports about drift: a version's live rows against its reference, and after a roll against the version before.

`Reports.behaviour` is what a page about a model shows. Windows do not overlap: each row is judged once.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from changeover.drift.alignment import aligned
from changeover.drift.judging import ALPHA, FEWEST_ROWS, Verdict, judge, sentence
from changeover.drift.reference import counts_of
from changeover.exceptions import ChangeoverError, InvalidManifest, UnknownVersion
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.process.clock import parse_rfc3339
from changeover.process.log_events import event
from model_server.drift.hour_objects import HourObjects
from model_server.drift.page_part import page_part
from model_server.drift.references import KnownReference, References
from model_server.drift.sums import Key, Sums, Total, added
from model_server.drift.windows import DEFAULT, HOUR, hours_in, text_of, window_at
from model_server.exceptions import NoCurrentVersion
from model_server.ledger.record import Rollout
from model_server.rollouts.model_state import Models
from model_server.versions.versions import Versions

EARLIER: Final = 24  # windows before the one that is shown
SENTENCES: Final = 5
MOST_CACHED: Final = 2_000
FRESH_S: Final = 2.0  # for which the report of a running window is used again
IN_REFERENCE: Final = "in the reference"
CHANGED, UNCHANGED, TOO_FEW, NO_REFERENCE = "changed", "unchanged", "too few rows", "no reference"


@dataclass(frozen=True)
class Window:
    """A window of time with the rows of one version in it; `complete`: it is over."""

    start: float
    end: float
    complete: bool
    total: Total
    verdict: Verdict

    def to_json(self) -> JsonObject:
        """The window without its findings."""
        times: JsonObject = {"from": text_of(self.start), "to": text_of(self.end), "complete": self.complete}
        return {**times, "seen": self.total.seen, "rows": self.total.rows}


@dataclass(frozen=True)
class AfterRoll:
    """The comparison of a version with the one before it: `before` and `total` are by the bins of `known`."""

    entry: Rollout
    known: KnownReference
    before: Sequence[int]
    rows_before: int
    total: Total
    not_compared: list[str]
    verdict: Verdict

    @property
    def where(self) -> str:
        """The words for the rows before the roll."""
        return f"by {short(self.entry.previous or '')}"

    def to_json(self) -> JsonObject:
        """The whole comparison."""
        times: JsonObject = {"previous": self.entry.previous, "rolled_at": self.entry.rolled_at}
        rows: JsonObject = {"rows": self.total.rows, "rows_before": self.rows_before}
        return {**times, **rows, "not_compared": [*self.not_compared], **_findings(self.verdict, self.where)}

    def on_a_page(self) -> JsonObject:
        """The same with bins, and with the columns that changed most."""
        return {**self.to_json(), **page_part(self.verdict, self.known, self.before, self.total.sums, self.where)}


class Reports:
    """The reports about drift. Thread-safe."""

    def __init__(
        self, models: Models, versions: Versions, references: References, sums: Sums, hours: HourObjects
    ) -> None:
        self._models, self._versions, self._references = models, versions, references
        self._sums, self._hours = sums, hours
        self._lock = threading.Lock()
        self._pages: dict[str, tuple[float, JsonObject | None]] = {}
        self._judged: OrderedDict[tuple[Key, float, float], tuple[float, Window]] = OrderedDict()

    def report(self, model: str, version: str | None = None, seconds: int = DEFAULT) -> JsonObject:
        """The whole report about a version, of windows of `seconds`; `version` (64 digits) is the current one by default.

        Raises NoCurrentVersion, UnknownVersion, InvalidManifest or StoreError.
        """
        now = time.time()
        entry = self._entry(model)
        if version is None and entry is None:
            raise NoCurrentVersion(f"model {model!r} has no current version; name a version")
        chosen = version or (entry.version if entry else "")
        known = self._references.of(self._versions.manifest(model, chosen))
        body: JsonObject = {"model": model, "version": chosen, "alpha": ALPHA}
        if known is None:
            return {**body, "verdict": NO_REFERENCE, "sentences": [_HOW], "reference": None}
        window = self.window(model, chosen, known, seconds, now)
        before = self._before(model, chosen, known, window, seconds, now)
        rolled = None
        if entry is not None and entry.version == chosen:
            rolled = self._after_roll(model, entry, known, now)
        return {
            **body,
            "reference": _described(known),
            "window": {"seconds": seconds, **window.to_json()},
            **_findings(window.verdict),
            "running": None if window.end > now else self._running(model, chosen, known, seconds, now),
            "earlier": [{**each.to_json(), "verdict": _word(each.verdict)} for each in before],
            "after_roll": None if rolled is None else rolled.to_json(),
        }

    def behaviour(self, model: str) -> JsonObject | None:
        """What a page about a model shows under "did behaviour change", from memory where it can; never raises.

        Of the current version: `verdict`, `sentences`, `window`, `confidence`, what `page_part` describes, and `after_roll`
        with the same members. None if there is nothing to compare yet.
        """
        now = time.time()
        made, body = self._pages.get(model, (float("-inf"), None))
        if now - made >= FRESH_S:
            try:
                body = self._behaviour(model, now)
            except ChangeoverError as error:
                event("drift.not_shown", level="warning", model=model, reason=str(error))
                body = None
            self._pages[model] = now, body
        return body

    def _behaviour(self, model: str, now: float) -> JsonObject | None:
        entry = self._entry(model)
        known = None if entry is None else self._references.of(self._versions.manifest(model, entry.version))
        if entry is None or known is None:
            return None
        window = self.window(model, entry.version, known, DEFAULT, now)
        rolled = self._after_roll(model, entry, known, now)
        if not window.verdict.enough and (rolled is None or not rolled.verdict.enough):
            return None
        described: JsonObject = {"version": entry.version, "reference": _described(known), "window": window.to_json()}
        shown = page_part(window.verdict, known, counts_of(known.reference), window.total.sums, IN_REFERENCE)
        after_roll = None if rolled is None else rolled.on_a_page()
        return {**described, **_findings(window.verdict), **shown, "after_roll": after_roll}

    def latest(self, model: str) -> tuple[str, Window] | None:
        """The current version of a model and its window to show; None without a reference. Raises StoreError."""
        entry = self._entry(model)
        try:
            known = None if entry is None else self._references.of(self._versions.manifest(model, entry.version))
        except (UnknownVersion, InvalidManifest):
            return None
        if entry is None or known is None:
            return None
        return entry.version, self.window(model, entry.version, known, DEFAULT, time.time())

    def window(self, model: str, version: str, known: KnownReference, seconds: int, now: float) -> Window:
        """The last complete window if it has rows enough, else the running one, unless that has fewer rows."""
        start, end = window_at(now, seconds)
        last = self._window(model, version, known, start - seconds, start, now)
        if last.verdict.enough:
            return last
        running = self._window(model, version, known, start, end, now)
        return last if last.total.rows > running.total.rows else running

    def _before(
        self, model: str, version: str, known: KnownReference, window: Window, seconds: int, now: float
    ) -> list[Window]:
        """The windows before `window`, newest first, that have rows; of minutes there are two hours only."""
        number = min(EARLIER, (2 * HOUR // seconds) if seconds < HOUR else EARLIER)
        starts = [window.start - seconds * index for index in range(1, number + 1)]
        windows = [self._window(model, version, known, start, start + seconds, now) for start in starts]
        return [each for each in windows if each.total.rows]

    def _running(self, model: str, version: str, known: KnownReference, seconds: int, now: float) -> JsonObject:
        running = self._window(model, version, known, *window_at(now, seconds), now)
        return {**running.to_json(), "verdict": _word(running.verdict)}

    def _window(self, model: str, version: str, known: KnownReference, start: float, end: float, now: float) -> Window:
        key = ((model, version, known.digest), start, end)
        with self._lock:
            made, judged = self._judged.get(key, (float("-inf"), None))
        if judged is not None and (now - made < FRESH_S or made > end + 2 * HOUR):
            return judged
        total = self._total(key[0], start, end, now)
        if judged is not None and judged.complete == (end <= now) and judged.total.rows == total.rows:
            return judged
        judged = Window(start, end, end <= now, total, _judged(known, total))
        with self._lock:
            self._judged[key] = now, judged
            self._judged.move_to_end(key)
            while len(self._judged) > MOST_CACHED:
                self._judged.popitem(last=False)
        return judged

    def _total(self, key: Key, start: float, end: float, now: float) -> Total:
        """The total from `start` to `end`: of hours, or within one hour of minutes."""
        if (end - start) % HOUR:
            return self._sums.of_minutes(key, start, end)
        return added(self._of_hour(key, hour, now) for hour in hours_in(start, min(end, now + HOUR)))

    def _of_hour(self, key: Key, hour: str, now: float) -> Total:
        here = self._sums.of_hour(key, hour)
        return self._hours.read(key[0], key[1], hour, now).get(key[2], Total()) if here is None else here

    def _after_roll(self, model: str, entry: Rollout, known: KnownReference, now: float) -> AfterRoll | None:
        """The version after its roll against the one before it: the hour of the roll, and one on each side of it."""
        if entry.previous is None:
            return None
        try:
            former = self._references.of(self._versions.manifest(model, entry.previous))
        except (UnknownVersion, InvalidManifest):
            former = None
        if former is None:
            return None
        rolled_at = parse_rfc3339(entry.rolled_at).timestamp()
        hour, _ = window_at(rolled_at, HOUR)
        old = self._total((model, entry.previous, former.digest), hour - HOUR, hour + HOUR, now)
        new = self._total((model, entry.version, former.digest), hour, hour + 2 * HOUR, now)
        if new.rows:
            verdict = _compared(former, old.sums, new, old.rows)
            return AfterRoll(entry, former, old.sums, old.rows, new, [], verdict)
        # no worker counts by the former reference: they have started since
        new = self._total((model, entry.version, known.digest), hour, hour + 2 * HOUR, now)
        vector, others = aligned(old.sums, former.reference, known.reference) if old.rows else ([], [])
        return AfterRoll(entry, known, vector, old.rows, new, others, _compared(known, vector, new, old.rows))

    def _entry(self, model: str) -> Rollout | None:
        state = self._models.find(model)
        return None if state is None else state.entry


_HOW: Final = "this version has no reference: publish it with reference=, or with an example (docs/drift.md)"


def _judged(known: KnownReference, total: Total) -> Verdict:
    """The verdict on `total` against the reference."""
    return _compared(known, counts_of(known.reference), total, known.reference.n)


def _compared(known: KnownReference, before: Sequence[int], total: Total, rows_before: int) -> Verdict:
    if min(total.rows, rows_before) < FEWEST_ROWS:
        return Verdict(total.rows, rows_before, enough=False)
    return judge(known.reference, before, total.sums, rows_before, total.rows)


def _described(known: KnownReference) -> JsonObject:
    reference = known.reference
    answers = reference.predictions.n if reference.predictions else 0
    return {"n": reference.n, "origin": reference.origin, "predictions": answers, "left_out": reference.left_out}


def _word(verdict: Verdict) -> str:
    return TOO_FEW if not verdict.enough else CHANGED if verdict.changed else UNCHANGED


def _findings(verdict: Verdict, before: str = IN_REFERENCE) -> JsonObject:
    """The members of a verdict; quality is reported before drift."""
    sentences = [sentence(found, before) for found in verdict.quality if found.changed]
    sentences += [sentence(shift, before) for shift in verdict.shifts if shift.changed]
    if not verdict.enough:
        sentences = [f"{verdict.rows} rows, {verdict.rows_before} {before}: too few to tell ({FEWEST_ROWS} are needed)"]
    columns = [shift for shift in verdict.shifts if not shift.of_predictions]
    answers = [shift for shift in verdict.shifts if shift.of_predictions]
    confidence = verdict.confidence
    return {
        "verdict": _word(verdict),
        "sentences": [*sentences[:SENTENCES]],
        "quality": msgspec.to_builtins(verdict.quality),
        "columns": msgspec.to_builtins(columns),
        "predictions": msgspec.to_builtins(answers),
        "confidence": None if confidence is None else {"now": confidence[0], "before": confidence[1]},
    }
