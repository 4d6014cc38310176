"""The chart in a real cluster: whatever happens to its pods, eight clients see no failed and no backward answer."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from changeover.cli.main import main
from changeover.protocol.wire import RolloutState
from tests.conftest import wait_until
from tests.kubernetes.watched import PREDICT, SERVER, STORE, Watched
from tests.processes.cluster import RELEASE, Cluster, why_not
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

KEYS = {
    f"{user}_{part}_key": secrets.token_hex(10)
    for user in ("root", "model_server", "publisher")
    for part in ("access", "secret")
}
CHANGED = ("--set", "settings.LOG_LEVEL=warning")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        cluster.up()
        cluster.prepare(KEYS | {"publish_token": PUBLISH_TOKEN, "report_token": REPORT_TOKEN})
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="module")
def watched(cluster: Cluster) -> Iterator[Watched]:
    """The release with a first version, which both pods of predict_api serve."""
    cluster.release("install")
    cluster.rolled_out(STORE, SERVER)
    watched = Watched(cluster)
    try:
        watched.operator.roll_a_new_one()
        cluster.rolled_out(PREDICT)
        yield watched
    finally:
        watched.close()


@pytest.fixture(autouse=True)
def judged(watched: Watched, tmp_path: Path) -> Iterator[None]:
    """Every test ends with the judgement of `changeover check-history` on all answers so far."""
    yield
    assert watched.tally.failed == [], watched.cluster.explain()
    result = CliRunner().invoke(
        main, ["check-history", "--converge-within", "600", "--json", str(watched.write(tmp_path / "history.jsonl"))]
    )
    print(result.output, vars(watched.tally))  # noqa: T201 pytest shows it if the test fails
    assert json.loads(result.output)["violations"] == [], result.output
    assert watched.stale_while_model_server_was_there() == []


def test_versions_are_rolled_without_a_new_pod(watched: Watched) -> None:
    before = watched.cluster.pods("predict-api")
    with watched.clients():
        for _ in range(3):
            watched.operator.roll_a_new_one()
            watched.more_answers()
    assert watched.cluster.pods("predict-api") == before
    assert [each.state for each in watched.history.rollouts] == [RolloutState.COMMITTED] * 4


def test_helm_test_asks_the_doctor(watched: Watched) -> None:
    assert "Succeeded" in watched.cluster.helm("test", RELEASE, "--timeout", "10m")


@pytest.mark.parametrize("component", ["predict-api", "model-server", "store"])
def test_a_pod_of_each_part_is_deleted(watched: Watched, component: str) -> None:
    cluster = watched.cluster
    with watched.clients():
        for pod in cluster.pods(component):
            with watched.act(f"a pod of {component} is deleted", away=component == "model-server"):
                cluster.kubectl("delete", "pod", pod)
                cluster.rolled_out(PREDICT, SERVER, STORE)
        watched.operator.roll_a_new_one()


def test_a_node_is_drained(watched: Watched) -> None:
    cluster = watched.cluster
    [(_, node)] = cluster.pods("model-server").items()
    with watched.clients(), watched.act(f"{node} is drained", away=True):
        try:
            cluster.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=15m")
            cluster.rolled_out(PREDICT, SERVER, STORE)
        finally:
            cluster.kubectl("uncordon", node)
    for component in ("predict-api", "model-server", "store"):
        assert node not in cluster.pods(component).values()


def test_a_setting_is_changed_by_helm_and_changed_back(watched: Watched) -> None:
    cluster = watched.cluster
    before = cluster.pods("predict-api").keys()
    with watched.clients():
        with watched.act("helm upgrade", away=True):
            cluster.release("upgrade", "--wait", *CHANGED)
        changed = cluster.pods("predict-api").keys()
        assert before.isdisjoint(changed)
        watched.operator.roll_a_new_one()
        with watched.act("helm rollback", away=True):
            cluster.helm("rollback", RELEASE, "1", "--wait", "--timeout", "15m")
        assert changed.isdisjoint(cluster.pods("predict-api").keys())


def test_one_replica_becomes_four_and_one_again(watched: Watched) -> None:
    cluster = watched.cluster
    with watched.clients():
        for replicas in (1, 4, 1):
            with watched.act(f"{replicas} replicas", away=False):
                cluster.kubectl("scale", PREDICT, f"--replicas={replicas}")
                cluster.rolled_out(PREDICT)
                wait_until(lambda: len(cluster.pods("predict-api")) == replicas, 120, f"{replicas} pods")  # noqa: B023
            watched.operator.roll_a_new_one()
            watched.more_answers()
    watched.read_final(replicas=1)
