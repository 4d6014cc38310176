"""The metrics of all workers of an instance in the Prometheus text format, as `/metrics` has them.

The worker that serves `/metrics` adds up the files of all workers. Counters of dead workers stay, so that no counter goes
back. The number of series is bounded: of each model, only the MOST_VERSIONS versions with the highest sequences of the
live workers are shown.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest, multiprocess
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

MOST_VERSIONS: Final = 10
_ACTIVE: Final = "changeover_workers_holding"
_OF_A_VERSION: Final = frozenset({"changeover_requests", "changeover_request_seconds"})


def exposition(directory: Path) -> bytes:
    """The metrics of the workers that use `directory`."""
    _forget_the_dead(directory)
    registry = CollectorRegistry()
    registry.register(_Workers(directory))
    return generate_latest(registry)


class _Workers(Collector):
    """The metrics of all workers, without those of versions that were active long ago."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        """The metrics by their names."""
        collector = multiprocess.MultiProcessCollector(None, path=str(self._directory))  # type: ignore[no-untyped-call]
        metrics = {metric.name: metric for metric in collector.collect()}  # type: ignore[no-untyped-call]
        without_old_versions(metrics)
        yield from metrics.values()
        yield from _processes(live_workers(self._directory))


def without_old_versions(metrics: dict[str, Metric]) -> None:
    """Drop the series of versions that are not among the newest of their model, and the zeros of `ACTIVE`."""
    active = metrics.get(_ACTIVE)
    if active is None:
        return
    kept = _newest(active.samples)
    active.samples = [sample for sample in active.samples if sample.value > 0]
    for name in _OF_A_VERSION & metrics.keys():
        metrics[name].samples = [
            sample
            for sample in metrics[name].samples
            if not sample.labels["version"] or (sample.labels["model"], sample.labels["version"]) in kept
        ]


def _newest(samples: Iterable[Sample]) -> set[tuple[str, str]]:
    """Model and version of the MOST_VERSIONS highest sequences of each model."""
    sequences: dict[str, list[tuple[int, str]]] = {}
    for sample in samples:
        labels = sample.labels
        sequences.setdefault(labels["model"], []).append((int(labels["sequence"]), labels["version"]))
    return {(model, version) for model, listed in sequences.items() for _, version in sorted(listed)[-MOST_VERSIONS:]}


def live_workers(directory: Path) -> list[int]:
    """The process ids of the live workers, and of the process that starts them."""
    return sorted({int(path.stem.rsplit("_", 1)[1]) for path in directory.glob("gauge_livesum_*.db")})


def _processes(pids: list[int]) -> Iterable[Metric]:
    """The `process_*` metrics of these processes, each with its process id; nothing where there is no /proc."""
    merged: dict[str, Metric] = {}
    for pid in pids:
        label = {"pid": str(pid)}
        for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            of_all = merged.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            of_all.samples += [sample._replace(labels=label) for sample in metric.samples]
    return merged.values()


def _forget_the_dead(directory: Path) -> None:
    """Remove the gauges of dead workers, which have no active version; their counters stay."""
    for path in directory.glob("gauge_live*_*.db"):
        pid = path.stem.rsplit("_", 1)[1]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            multiprocess.mark_process_dead(int(pid), str(directory))  # type: ignore[no-untyped-call]
        except (PermissionError, ValueError):
            continue
