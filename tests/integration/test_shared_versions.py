"""Large versions, loaded once for each instance: equal answers, shared memory, and no request lost at their end.

Carries *availability* (a killed model process or scorer costs no request) and *safety* (a version that does not load
never answers). With SHARE_BYTES=0 every version is shared, so small models are enough.
"""

import io
import re
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import psutil
import pytest
import requests
from sklearn.ensemble import RandomForestRegressor

from changeover.estimator import golden_rows
from changeover.estimator.infer_schema import infer_schema
from changeover.json_types import JsonObject
from tests.callers import Callers
from tests.conftest import wait_until
from tests.processes.predict_api import Instances, PredictApi
from tests.processes.service import gone, lives
from tests.tiny_models import CREATED_AT, ROW, tiny
from tests.wire_stub import WireStub, running_stub

HOLDER = "predict_api.model_process"
MEGABYTE = 1024 * 1024


def processes(api: PredictApi) -> list[psutil.Process]:
    """The model processes and scorers of an instance, which are descendants of its workers."""
    running = []
    for worker in api.workers():
        running += [process for process in worker.children(recursive=True) if lives(process)]
    return running


def holders(api: PredictApi) -> list[psutil.Process]:
    of_workers = [process for worker in api.workers() for process in worker.children()]
    return [process for process in of_workers if lives(process) and HOLDER in process.cmdline()]


def scorers(api: PredictApi) -> list[psutil.Process]:
    return [process for holder in holders(api) for process in holder.children() if lives(process)]


def asked_of_all(api: PredictApi, scorers_wanted: int) -> None:
    """Send requests until each worker has answered one, and so has its scorer."""
    wait_until(lambda: api.predict().status_code == 200 and len(scorers(api)) == scorers_wanted)


@pytest.fixture(scope="module")
def one_stub() -> Iterator[WireStub]:
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(1)))
        yield stub


@pytest.fixture(scope="module")
def one_api(one_stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    """One instance, for tests after which it goes on."""
    with PredictApi(one_stub.url, tmp_path_factory.mktemp("shared"), SHARE_BYTES="0") as api:
        yield api


@pytest.fixture
def api(instances: Instances) -> PredictApi:
    """An instance that a test may end."""
    return instances.start(SHARE_BYTES="0")


def test_one_model_process_serves_all_workers_and_each_has_a_scorer(one_api: PredictApi) -> None:
    asked_of_all(one_api, 2)
    assert len(holders(one_api)) == 1
    assert one_api.predict().status_code == 200


def test_other_users_cannot_reach_a_model_process(one_api: PredictApi) -> None:
    asked_of_all(one_api, 2)
    paths = {
        Path(str(connection.laddr)) for connection in holders(one_api)[0].net_connections("unix") if connection.laddr
    }
    assert len(paths) == 1
    assert {path.parent.stat().st_mode & 0o777 for path in paths} == {0o700}


def test_a_model_process_has_one_thread_when_it_forks(one_api: PredictApi) -> None:
    asked_of_all(one_api, 2)
    assert [process.num_threads() for process in processes(one_api)] == [1, 1, 1]


def killed_under_load(api: PredictApi, times: int, victims: Callable[[PredictApi], list[psutil.Process]]) -> None:
    """Kill the victims `times` times under load; no request fails, and one model process is left."""
    asked_of_all(api, 2)
    with Callers(api) as callers:
        for _ in range(times):
            for process in victims(api):
                process.kill()
            asked_of_all(api, 2)
        seen = len(callers.answers)
        callers.until(lambda callers: len(callers.answers) > seen + 20, "answers go on")
    assert callers.failures == []
    assert len(holders(api)) == 1


def test_a_scorer_that_is_killed_costs_no_request(one_api: PredictApi) -> None:
    killed_under_load(one_api, 5, scorers)
    assert len(one_api.events("scorer.replaced")) >= 5


def test_a_model_process_that_is_killed_with_its_scorers_costs_no_request(one_api: PredictApi) -> None:
    killed_under_load(one_api, 2, lambda api: [*holders(api), *scorers(api)])


def test_scorers_go_on_without_their_model_process(one_api: PredictApi) -> None:
    asked_of_all(one_api, 2)
    orphans = scorers(one_api)
    holders(one_api)[0].kill()
    wait_until(lambda: not holders(one_api))
    assert {one_api.predict().status_code for _ in range(20)} == {200}
    assert all(lives(process) for process in orphans)
    for process in orphans:
        process.kill()


def test_a_roll_ends_the_model_process_of_the_former_version(one_api: PredictApi, one_stub: WireStub) -> None:
    asked_of_all(one_api, 2)
    old = [*holders(one_api), *scorers(one_api)]
    version = one_stub.nexts["default"] = one_stub.publish("default", *tiny(2))
    wait_until(lambda: len(one_stub.ready(version)) == 2)
    one_stub.roll("default", version)
    wait_until(lambda: not any(lives(process) for process in old), what="the former holder has ended")
    assert one_api.predict().json()["prediction"] == 2
    assert len(holders(one_api)) == 1


def test_nothing_is_left_when_an_instance_has_ended(api: PredictApi) -> None:
    asked_of_all(api, 2)
    started = processes(api)
    assert len(started) == 3
    assert api.end() == 0
    wait_until(lambda: not any(lives(process) for process in started), what="no process is left")


def test_a_model_process_outlives_its_worker_and_takes_the_successor(api: PredictApi) -> None:
    asked_of_all(api, 2)
    holder, before = holders(api)[0], set(scorers(api))
    starter = holder.parent()
    assert starter is not None
    starter.kill()
    wait_until(lambda: not lives(starter))

    def both_are_answered_by_it() -> bool:
        try:
            api.predict()
        except requests.ConnectionError:
            return False  # the request was in the queue of the killed worker
        now = {process for process in holder.children() if lives(process)}
        return (len(now), len(now & before)) == (2, 1)

    wait_until(both_are_answered_by_it, 40)
    assert holders(api) == []
    assert api.end() == 0
    wait_until(lambda: not lives(holder), what="the holder has ended")


def test_nothing_is_left_when_the_master_is_killed(api: PredictApi) -> None:
    asked_of_all(api, 2)
    started = [*api.workers(), *processes(api)]
    api.end(signal.SIGKILL)
    wait_until(lambda: gone(started), what="no process is left")


def test_a_signal_to_every_process_leaves_the_scorers_to_the_workers(api: PredictApi) -> None:
    """As when a service manager ends a unit: workers finish their requests, for which they need their scorers."""
    asked_of_all(api, 2)
    started = processes(api)
    with Callers(api, 4, may_be_refused=True) as callers:
        callers.until(lambda callers: len(callers.answers) > 50, "requests flow")
        for process in started:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
        seen = len(callers.answers)
        callers.until(lambda callers: len(callers.answers) > seen + 50, "requests go on")
        assert all(lives(process) for process in started)
        assert api.end() == 0
    wait_until(lambda: not any(lives(process) for process in started), what="no process is left")


def test_a_version_whose_golden_rows_differ_is_reported_as_failed(one_api: PredictApi, one_stub: WireStub) -> None:
    buffer, manifest = tiny(3)
    _, other = tiny(4)
    version = one_stub.nexts["default"] = one_stub.publish("default", buffer, {**manifest, "golden": other["golden"]})
    wait_until(lambda: any(version in report.failed for report in list(one_stub.reports.values())))
    reason = next(report.failed[version] for report in list(one_stub.reports.values()) if version in report.failed)
    assert reason.startswith("golden row 0: prediction is 3, the manifest says 4")
    assert one_api.predict().status_code == 200


def test_bytes_that_are_no_model_are_reported_as_failed(one_api: PredictApi, one_stub: WireStub) -> None:
    version = one_stub.nexts["default"] = one_stub.publish("default", b"<html>no model</html>", tiny(3)[1])
    wait_until(lambda: any(version in report.failed for report in list(one_stub.reports.values())))
    reason = next(report.failed[version] for report in list(one_stub.reports.values()) if version in report.failed)
    assert "no joblib or pickle file" in reason
    assert one_api.predict().status_code == 200


@cache
def forest(trees: int) -> tuple[bytes, JsonObject]:
    """A forest fitted on noise, so that each tree takes a third of a megabyte."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=4000), "b": random.normal(size=4000)})
    model = RandomForestRegressor(trees, random_state=0).fit(frame, random.normal(size=4000))
    schema = infer_schema(model, frame)
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue(), {
        "created_at": CREATED_AT,
        "schema": schema.to_json(),
        "estimator": {"type": "RandomForestRegressor", "kind": "regressor", "predict_proba": False},
        "golden": golden_rows.record(model, schema, [ROW]),
    }


def size(process: psutil.Process, kind: str) -> int:
    """Bytes of memory: `Private_` of this process alone, `Pss` with its part of the shared memory."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if re.match(f"{kind}\\w*:", line)) * 1024


def test_a_second_worker_shares_the_memory_of_the_first(stub: WireStub, instances: Instances) -> None:
    buffer, manifest = forest(130)
    assert len(buffer) > 40 * MEGABYTE
    stub.roll("default", stub.publish("default", buffer, manifest))
    total = {}
    for workers in (1, 2):
        api = instances.start(SHARE_BYTES="0", WORKERS=str(workers))
        asked_of_all(api, workers)
        everything = [psutil.Process(api.process.pid), *api.workers(), *processes(api)]
        total[workers] = sum(size(process, "Pss") for process in everything)
        private = [size(process, "Private_") for process in api.workers()]
        assert max(private) - min(private) < len(buffer) / 4, "the worker that sent the bytes has kept them"
        assert max(size(process, "Private_") for process in scorers(api)) < len(buffer) * 2 / 3
        api.end()
    assert total[2] - total[1] <= 0.3 * total[1]
