"""Rolls and their failures on a replica: faults 5, 6, 15-17, 42 and 61."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.callers import Callers
from tests.conftest import wait_until
from tests.processes.predict_api import PredictApi
from tests.tiny_models import tiny
from tests.wire_stub import Exchange, WireStub, running_stub


@pytest.fixture(scope="module")
def stub() -> Iterator[WireStub]:
    with running_stub() as stub:
        yield stub


@pytest.fixture(scope="module")
def api(stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    with PredictApi(stub.url, tmp_path_factory.mktemp("predict")) as api:
        yield api


def rolled(stub: WireStub, api: PredictApi, number: int) -> str:
    """Prepare, then commit, as model_server does."""
    version = stub.publish("default", *tiny(number))
    stub.nexts["default"] = version
    wait_until(lambda: len(stub.ready(version)) == 2, what="both workers are ready")
    stub.roll("default", version)
    return version


def held_by_all(stub: WireStub) -> bool:
    """Whether both workers report that they answer by the current version."""
    return [report.held for report in list(stub.reports.values())] == [stub.currents["default"]] * 2


def test_without_a_version_the_default_model_is_a_503_that_says_when_to_ask_again(
    api: PredictApi, stub: WireStub
) -> None:
    stub.currents.clear()
    for answer in (api.predict(), api.get("/readyz")):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["type"] == "urn:changeover:no-model"
    assert api.get("/livez").status_code == 200


def test_the_first_version_is_prepared_before_it_is_current(api: PredictApi, stub: WireStub) -> None:
    rolled(stub, api, 1)
    answer = api.predict()
    assert (answer.json()["prediction"], answer.headers.get("Model-Stale")) == (1, None)


def test_a_roll_under_load_fails_no_request_and_no_unstale_answer_goes_back(api: PredictApi, stub: WireStub) -> None:
    rolled(stub, api, 2)
    with Callers(api) as callers:
        for number in (3, 4, 5):
            callers.until(lambda callers: len(callers.answers) > 20, "requests flow")
            rolled(stub, api, number)
            confirmed = api.predict()
            assert (confirmed.json()["prediction"], confirmed.headers.get("Model-Stale")) == (number, None)
    assert callers.failures == []
    assert {stale for _, stale, _ in callers.answers} == {False}


def test_a_rollback_is_a_roll_that_needs_no_download(api: PredictApi, stub: WireStub) -> None:
    """Fault 42: the cached bytes answer with a higher sequence."""
    rolled(stub, api, 6)
    before = stub.calls["artifact"]
    rolled(stub, api, 5)
    answer = api.predict()
    assert (answer.json()["prediction"], answer.headers.get("Model-Stale")) == (5, None)
    assert stub.calls["artifact"] == before


def test_one_worker_downloads_for_all(api: PredictApi, stub: WireStub) -> None:
    """Fault 23: one download for each instance, not for each worker."""
    before = stub.calls["artifact"]
    rolled(stub, api, 7)
    assert stub.calls["artifact"] == before + 1
    wait_until(lambda: held_by_all(stub), what="both workers hold it")


def test_a_version_that_becomes_current_unprepared_leaves_the_old_one_answering_stale(
    api: PredictApi, stub: WireStub
) -> None:
    stub.on_artifact = lambda exchange: (exchange.problem(503), True)[1]
    version = stub.publish("default", *tiny(8))
    stub.roll("default", version)
    answer = api.predict()
    assert (answer.json()["prediction"], answer.headers["Model-Stale"]) == (7, "true")
    assert int(answer.headers["Model-Age"]) >= 0
    stub.on_artifact = None
    wait_until(lambda: held_by_all(stub), what="both workers hold it")
    assert api.predict().json()["prediction"] == 8


def cut_off(exchange: Exchange) -> bool:
    exchange.send_response(200)
    exchange.send_header("Content-Length", "100000")
    exchange.end_headers()
    exchange.wfile.write(b"x" * 500)
    exchange.close_connection = True
    return True


def flipped(exchange: Exchange) -> bool:
    buffer = bytearray(exchange.stub.artifacts["default", exchange.path.split("/")[-2]])
    buffer[len(buffer) // 2] ^= 1
    exchange.answer(200, bytes(buffer), {})
    return True


@pytest.mark.parametrize(("number", "damage"), [(9, cut_off), (10, flipped)])
def test_a_damaged_download_is_tried_once_more_then_reported_and_the_old_version_serves(
    api: PredictApi, stub: WireStub, number: int, damage: object
) -> None:
    """Faults 5 and 6: between model_server and a replica."""
    stub.on_artifact = damage  # type: ignore[assignment]
    before = stub.calls["artifact"]
    version = stub.publish("default", *tiny(number))
    stub.nexts["default"] = version

    def everyone_failed() -> bool:
        return len([report for report in list(stub.reports.values()) if version in report.failed]) == 2

    try:
        wait_until(everyone_failed, what="both workers report the failure")
        assert stub.calls["artifact"] == before + 4
        assert api.predict().json()["prediction"] == 8
        assert version in api.get("/readyz").json()["not_prepared"]["default"]
    finally:
        stub.on_artifact = None
        del stub.nexts["default"]
    wait_until(
        lambda: all(not report.failed for report in list(stub.reports.values())), what="the failure is forgotten"
    )
    stub.nexts["default"] = version  # announced again, it is tried again
    wait_until(lambda: len(stub.ready(version)) == 2)
    del stub.nexts["default"]


def test_a_version_whose_golden_rows_differ_is_refused(api: PredictApi, stub: WireStub) -> None:
    buffer, manifest = tiny(11)
    version = stub.publish("default", buffer, {**manifest, "golden": tiny(12)[1]["golden"]})
    stub.nexts["default"] = version
    try:
        wait_until(lambda: any(version in report.failed for report in list(stub.reports.values())))
        reasons = [report.failed[version] for report in list(stub.reports.values()) if version in report.failed]
        assert "golden row 0: prediction is" in reasons[0]
        assert api.predict().json()["prediction"] == 8
    finally:
        del stub.nexts["default"]


def test_a_lower_sequence_is_refused_loudly(api: PredictApi, stub: WireStub) -> None:
    """Fault 61: a running replica refuses the lower sequence."""
    good = stub.currents["default"]
    stub.currents["default"] = type(good)(good.sequence - 1, stub.publish("default", *tiny(1)))
    try:
        answers = [api.predict() for _ in range(6)]
        assert {answer.json()["prediction"] for answer in answers} == {8}
        wait_until(lambda: api.predict().headers.get("Model-Stale") == "true")
        wait_until(lambda: api.events("replica.sequence_refused"))
        assert "changeover_sequence_refused_total" in api.get("/metrics").text
    finally:
        stub.currents["default"] = good
    wait_until(lambda: all("Model-Stale" not in api.predict().headers for _ in range(4)), what="all is well again")


def test_a_restarted_model_server_gets_a_report_immediately(api: PredictApi, stub: WireStub) -> None:
    stub.reports.clear()
    stub.instance = "second"
    wait_until(lambda: len(stub.reports) == 2)
    assert held_by_all(stub)


def test_the_log_holds_no_token(api: PredictApi, tmp_path: Path) -> None:
    assert "report-token" not in api.log
