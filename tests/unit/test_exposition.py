"""The bounded number of series in the response to `/metrics`: those of the newest versions of each model."""

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from predict_api.exposition import MOST_VERSIONS, without_old_versions

VERSIONS = MOST_VERSIONS + 3


def metrics() -> dict[str, Metric]:
    """The metrics of a model that had many versions, of which two workers have the last one."""
    active = Metric("changeover_workers_holding", "", "gauge")
    answers = Metric("changeover_requests", "", "counter")
    answers.samples.append(Sample("changeover_requests_total", {"model": "", "version": ""}, 3.0))
    for number in range(VERSIONS):
        labels = {"model": "loan", "version": f"v{number}"}
        count = 2.0 if number == VERSIONS - 1 else 0.0
        active.samples.append(Sample("changeover_workers_holding", {**labels, "sequence": str(number + 1)}, count))
        answers.samples.append(Sample("changeover_requests_total", labels, 1.0))
    return {metric.name: metric for metric in (active, answers)}


def shown(found: dict[str, Metric], name: str) -> list[str]:
    return [sample.labels["version"] for sample in found[name].samples]


def test_a_version_of_long_ago_has_no_series() -> None:
    found = metrics()
    without_old_versions(found)
    newest = [f"v{number}" for number in range(VERSIONS - MOST_VERSIONS, VERSIONS)]
    assert shown(found, "changeover_requests") == ["", *newest]
    assert shown(found, "changeover_workers_holding") == [newest[-1]]


def test_sequences_are_numbers_and_a_rolled_back_version_is_new_again() -> None:
    found = metrics()
    labels = {"model": "loan", "version": "v0", "sequence": "100"}
    found["changeover_workers_holding"].samples.append(Sample("changeover_workers_holding", labels, 2.0))
    without_old_versions(found)
    assert {"v0", f"v{VERSIONS - 1}"} <= set(shown(found, "changeover_requests"))
