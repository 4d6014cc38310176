"""The reports about drift on a real bucket: what a page shows, and hours that are in the bucket."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from changeover.drift.making import make_reference
from changeover.drift.reference import Reference, digest_of
from changeover.manifest.manifest import Manifest
from changeover.protocol.drift_counts import HourCounts
from model_server.drift.drift import Drift
from model_server.drift.windows import HOUR, beginning_of, hour_of
from model_server.ledger.record import Rollout
from model_server.problems import Problems
from model_server.rollouts.model_state import Models
from model_server.versions.versions import Versions
from object_store import keys
from object_store.bucket import Bucket
from tests.unit.drift.samples import counted, schema_of

RNG = np.random.default_rng(2)
SCHEMA = schema_of(3)
OLD, NEW = "a" * 64, "b" * 64


@dataclass
class Served:
    """The drift of one model whose versions are in the bucket."""

    bucket: Bucket
    drift: Drift
    models: Models
    announced: list[tuple[Any, ...]]
    references: dict[str, Reference] = field(default_factory=dict)

    def publish(self, version: str, *, reference: bool = True) -> None:
        rows = RNG.normal(size=(2000, 3))
        made = make_reference(SCHEMA, {f"x{index}": rows[:, index].tolist() for index in range(3)}, 2000)
        self.references[version] = made
        manifest = Manifest(
            "loan", version, 1, "now", SCHEMA.to_json(), {}, reference=made.to_json() if reference else None
        )
        self.bucket.create(keys.manifest_key("loan", version), json.dumps(manifest.to_json()).encode())

    def roll(self, version: str, previous: str | None = None) -> None:
        sequence = 2 if previous else 1
        rolled_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        entry = Rollout(
            id="r",
            model="loan",
            sequence=sequence,
            version=version,
            previous=previous,
            rolled_at=rolled_at,
            deadline=0.0,
        )
        self.models.get("loan").adopt(entry)

    def count(self, version: str, rows: int, shift: float = 0.0, hour: str = "", by: str = "") -> None:
        """Count rows in this hour, or in another one; by the reference of another version."""
        reference = self.references[by or version]
        sums = counted(reference, SCHEMA, RNG.normal(size=(rows, 3)) + np.array([shift, 0.0, 0.0]))
        counts = HourCounts("loan", version, digest_of(reference), hour or hour_of(time.time()), rows, rows, sums)
        self.drift.receipt._sums.add("worker", counts, time.time())


@pytest.fixture
def served(seaweed_bucket: Bucket) -> Served:
    seaweed_bucket.ensure()
    models = Models()
    models.loaded({}, {})
    announced: list[tuple[Any, ...]] = []
    return Served(seaweed_bucket, drift_of(seaweed_bucket, models, announced), models, announced)


def drift_of(bucket: Bucket, models: Models, announced: list[tuple[Any, ...]]) -> Drift:
    return Drift(models, Versions(bucket, Problems()), bucket, lambda *change: announced.append(change))


def page(served: Served) -> Any:
    return served.drift.reports.behaviour("loan")


def test_a_page_shows_nothing_without_a_current_version_a_reference_or_rows(served: Served) -> None:
    assert page(served) is None
    served.publish(OLD, reference=False)
    served.roll(OLD)
    assert drift_of(served.bucket, served.models, []).reports.behaviour("loan") is None


def test_a_page_shows_nothing_of_few_rows(served: Served) -> None:
    served.publish(OLD)
    served.roll(OLD)
    served.count(OLD, 150, shift=3.0)
    assert page(served) is None


def test_a_page_shows_what_moved(served: Served) -> None:
    served.publish(OLD)
    served.roll(OLD)
    served.count(OLD, 1000, shift=1.0)
    shown = page(served)
    assert (shown["verdict"], shown["window"]["rows"], shown["after_roll"]) == ("changed", 1000, None)
    assert any(text.startswith("x0 moved up by ") for text in shown["sentences"])
    assert [shift["name"] for shift in shown["columns"] if shift["changed"]] == ["x0"]


def test_a_page_shows_the_roll_before_there_is_much_else(served: Served) -> None:
    served.publish(OLD)
    served.publish(NEW)
    served.count(OLD, 1000)
    served.roll(NEW, OLD)
    served.count(NEW, 400, shift=1.0)
    served.count(NEW, 400, shift=1.0, by=OLD)
    shown = page(served)
    rolled = shown["after_roll"]
    assert (rolled["previous"], rolled["rows"], rolled["rows_before"]) == (OLD, 400, 1000)
    assert (rolled["verdict"], rolled["not_compared"]) == ("changed", [])
    assert "by aaaaaaaaaaaa" in rolled["sentences"][0]


def test_workers_that_started_after_the_roll_give_what_has_equal_bins(served: Served) -> None:
    served.publish(OLD)
    served.publish(NEW)
    served.count(OLD, 1000)
    served.roll(NEW, OLD)
    served.count(NEW, 400)
    assert sorted(page(served)["after_roll"]["not_compared"]) == ["x0", "x1", "x2"]


def test_a_closed_hour_is_read_from_the_bucket(served: Served) -> None:
    served.publish(OLD)
    served.roll(OLD)
    last = hour_of(time.time() - HOUR)
    served.count(OLD, 1000, shift=1.0, hour=last)
    served.drift.receipt.started = 0.0
    served.drift.closing.close(beginning_of(last) + 2 * HOUR)
    again = drift_of(served.bucket, served.models, [])
    body: Any = again.reports.report("loan", None, HOUR)
    assert (body["window"]["complete"], body["window"]["rows"], body["verdict"]) == (True, 1000, "changed")
    assert body["running"]["rows"] == 0
    assert again.reports.report("loan", OLD, 24 * HOUR)["version"] == OLD


def test_a_store_that_fails_leaves_a_page_without_the_part(served: Served) -> None:
    served.roll(OLD)  # its manifest is not there
    assert page(served) is None


def test_a_change_is_announced_once_when_its_window_is_over(served: Served) -> None:
    served.publish(OLD)
    served.roll(OLD)
    served.count(OLD, 1000, shift=1.0)
    served.drift.closing.run_once(0.0)
    assert served.announced == []  # the window runs
    served.count(OLD, 1000, shift=1.0, hour=hour_of(time.time() - HOUR))
    served.drift.closing._reports._judged.clear()
    for _ in range(2):
        served.drift.closing.run_once(0.0)
    ((end, model, version, columns, reason),) = served.announced
    assert (model, version, columns) == ("loan", OLD, ["x0"])
    assert end.startswith(hour_of(time.time()))
    assert reason.startswith("x0 moved up by ")
