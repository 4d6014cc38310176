"""The seconds of the phases of a rollout."""

from prometheus_client import REGISTRY

from changeover.protocol.wire import RolloutState
from model_server.rollouts.rollout import FleetLooked, LeasesOver, LedgerAppended, Stopped
from model_server.rollouts.rollout_metrics import RolloutMetrics

LOOKED = FleetLooked(frozenset(), frozenset(), {})


def seconds(model: str) -> dict[str, float]:
    """The sum of each phase of the model that has ended."""
    return {
        sample.labels["phase"]: sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "changeover_server_rollout_phase_seconds_sum" and sample.labels["model"] == model
    }


def age(model: str) -> float | None:
    return REGISTRY.get_sample_value("changeover_server_rollout_age_seconds", {"model": model})


def test_a_committed_rollout_has_the_seconds_of_its_three_phases() -> None:
    measured = RolloutMetrics("phases-committed", "v", 10.0)
    measured.step(RolloutState.PREPARING, LOOKED, 11.0)
    measured.step(RolloutState.FENCING, LOOKED, 13.0)
    measured.step(RolloutState.FENCING, LeasesOver(), 14.5)
    measured.step(RolloutState.COMMITTED, LedgerAppended(), 14.75)
    assert seconds("phases-committed") == {"preparing": 3.0, "fencing": 1.5, "committing": 0.25}


def test_an_aborted_rollout_has_those_that_it_came_to() -> None:
    measured = RolloutMetrics("phases-aborted", "v", 10.0)
    measured.step(RolloutState.ABORTED, Stopped(), 12.0)
    assert seconds("phases-aborted") == {"preparing": 2.0}


def test_a_rollout_under_way_has_an_age_and_one_that_is_over_has_none() -> None:
    measured = RolloutMetrics("phases-age", "v", 0.0)
    under_way = age("phases-age")
    measured.end()
    assert under_way is not None
    assert under_way > 0.0
    assert age("phases-age") == 0.0
