"""The metrics of a running stack: the page that lists them, and the panels and rules that query them.

The queries run on a real Prometheus, Debian's package `prometheus`; they are skipped where it is not installed.
"""

import hashlib
import io
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sklearn.linear_model import LogisticRegression

from changeover.protocol.wire import RolloutState
from tests.conftest import wait_until
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.prometheus import OBSERVE, Prometheus, is_installed
from tests.processes.store import Store
from tests.tree import ROOT

MODEL = "loan"
KEY = "a-key-of-tests-0123456789"
ROW = {"a": 0.5, "b": -0.25}
LARGE = 512 * 1024  # bytes, of a body that takes its turn in the queue
BUCKETS = {"le"}
# from an hour of requests: no short test has a value
SLOW = ("changeover_drift_psi", "changeover_drift_line", "changeover_missing_total", "changeover_unseen_total")
SLOW_MACHINE = ("ChangeoverLatency", "ChangeoverStale", "ChangeoverLease")  # they may fire on a busy one
needs_prometheus = pytest.mark.skipif(
    not is_installed(), reason="there are no programs `prometheus` and `promtool`: apt-get install prometheus"
)


@dataclass
class Stack:
    """Both services with a model that was rolled twice."""

    server: ModelServer
    api: PredictApi
    versions: list[str]

    def ask(self, row: object = ROW, query: str = "", padding: int = 0) -> int:
        """The status of a prediction by a body with that many spaces more."""
        body = json.dumps(row) + " " * padding
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        return requests.post(f"{self.api.url}/predict{query}", data=body, headers=headers, timeout=30).status_code


def artifact(*labels: str) -> bytes:
    """A model of two columns that has an ONNX twin."""
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(300, 2)), columns=["a", "b"])
    body = io.BytesIO()
    joblib.dump(LogisticRegression().fit(frame, np.where(frame["a"] > frame["b"], *labels)), body)
    return body.getvalue()


@pytest.fixture(scope="module")
def stack(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("metrics")
    keys = folder / "keys.json"
    keys.write_text(
        json.dumps({"keys": [{"name": "tests", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}]}), encoding="utf-8"
    )
    with ModelServer(seaweed, "metrics", folder / "server", {"RUNTIME": "onnx"}) as server:
        versions = [server.publish(artifact(*labels), MODEL).json()["version"] for labels in (("y", "n"), ("n", "y"))]
        assert server.roll(versions[0], MODEL).json()["state"] == RolloutState.COMMITTED
        settings = {"DEFAULT_MODEL": MODEL, "REPORT_TOKEN": REPORT_TOKEN, "KEYS_FILE": str(keys)}
        with PredictApi(server.url, folder, **settings) as api:
            stack = Stack(server, api, versions)
            assert stack.ask() == 200
            assert server.roll(versions[1], MODEL).json()["state"] == RolloutState.COMMITTED
            yield stack


@dataclass(frozen=True)
class Listed:
    """A metric: its type and its labels."""

    kind: str
    labels: frozenset[str]


def on_the_page(service: str) -> dict[str, Listed]:
    """The metrics in the section of a service in `docs/metrics.md`."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    section = text.split(f"## {service}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE)
    assert len(rows) == section.count("\n| `")
    return {name: Listed(kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}


def exposed(text: str, page: dict[str, Listed]) -> dict[str, Listed]:
    """The metrics in the text format; a counter has its suffix, a histogram has none. SLOW ones have the page's labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        labels = {name for sample in family.samples for name in sample.labels} - BUCKETS
        name = f"{family.name}_total" if family.type == "counter" else family.name
        shown = page[name].labels if name in SLOW and not family.samples and name in page else frozenset(labels)
        found[name] = Listed(family.type, shown)
    return found


def test_the_page_lists_what_a_running_stack_exposes_with_type_and_labels(stack: Stack) -> None:
    assert [stack.ask(), stack.ask({"a": 1.0}), stack.ask(query="?include=decision")] == [200, 422, 200]
    for service, process in (("predict_api", stack.api), ("model_server", stack.server)):
        page = on_the_page(service)
        assert exposed(process.get("/metrics").text, page) == page


def queries() -> dict[str, str]:
    """The query of each panel of the board and of each rule, by its name."""
    board = json.loads((OBSERVE / "grafana/dashboards/changeover.json").read_text(encoding="utf-8"))
    found = {
        f"panel {panel['title']!r}, {target['refId']}": target["expr"]
        for panel in board["panels"]
        for target in panel.get("targets", [])
    }
    for variable in board["templating"]["list"]:
        found[f"variable {variable['name']}"] = re.findall(r"label_values\((\w+), \w+\)", variable["definition"])[0]
    for group in yaml.safe_load((OBSERVE / "rules.yml").read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            if "record" in rule:
                found[f"rule {rule['record']}"] = rule["expr"]
                continue
            for number, part in enumerate(compared(rule["expr"])):
                found[f"alert {rule['alert']}, {number}"] = part
    return {name: with_values(query) for name, query in found.items()}


def compared(expression: str) -> list[str]:
    """What an alert compares: its expression is empty while it does not fire, and the sides of its comparisons are not."""
    sides = re.split(r"\s(?:and|or|[<>]=?(?:\s+on \([\w, ]+\) group_left \(\))?)\s", expression)
    assert len(sides) > 1, f"{expression} compares nothing"
    return [balanced(side.strip()) for side in sides]


def balanced(side: str) -> str:
    """`side` without the parentheses that belong to what was around it."""
    while side.count("(") > side.count(")") and side.startswith("("):
        side = side[1:]
    while side.count(")") > side.count("(") and side.endswith(")"):
        side = side[:-1]
    return side


def with_values(query: str) -> str:
    """A query with values for Grafana's variables."""
    return query.replace("$__rate_interval", "1m").replace("$model", ".*")


def test_an_alert_is_split_into_what_it_compares() -> None:
    assert compared("(a:b > 14.4 * 0.001 and c > 2)\nor (d > 6)") == ["a:b", "14.4 * 0.001", "c", "2", "d", "6"]
    assert compared("x\n> on (job, instance) group_left () (y + 60)") == ["x", "(y + 60)"]
    assert compared("sum by (m) (rate(z[5m])) > 0") == ["sum by (m) (rate(z[5m]))", "0"]


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    targets = {"predict_api": stack.api.url, "model_server": stack.server.url}
    with Prometheus(tmp_path_factory.mktemp("prometheus"), targets) as prometheus:
        yield prometheus


def values(prometheus: Prometheus, query: str) -> list[float]:
    """The numbers that a query gives, without those of a division by 0."""
    numbers = [float(series["value"][1]) for series in prometheus.query(query)]
    return [number for number in numbers if number == number]


@needs_prometheus
def test_every_query_of_the_board_and_of_the_rules_has_a_value(stack: Stack, prometheus: Prometheus) -> None:
    asked = {name: query for name, query in queries().items() if not any(metric in query for metric in SLOW)}
    assert len(asked) > 70

    def without_value() -> list[str]:
        stack.ask()
        stack.ask(query="?include=decision", padding=LARGE)
        return [name for name, query in asked.items() if not values(prometheus, query)]

    wait_until(lambda: stack.ask() and values(prometheus, "changeover:error_ratio:rate3d"), 30, "two scrapes")
    assert stack.server.roll(stack.versions[0], MODEL).json()["state"] == RolloutState.COMMITTED
    missing: list[str] = []
    try:
        wait_until(lambda: not (missing.clear() or missing.extend(without_value()) or missing), 10, "a value of each")
    except pytest.fail.Exception:
        pytest.fail(f"no value: {missing}")


@needs_prometheus
def test_no_alert_fires_on_a_stack_that_is_well(stack: Stack, prometheus: Prometheus) -> None:
    rules = requests.get(f"{prometheus.url}/api/v1/rules", timeout=30).json()["data"]["groups"]
    assert [rule["name"] for group in rules for rule in group["rules"] if rule["health"] == "err"] == []
    firing = {series["metric"]["alertname"] for series in prometheus.query('ALERTS{alertstate="firing"}')}
    assert {name for name in firing if not name.startswith(SLOW_MACHINE)} == set()


@needs_prometheus
def test_each_alert_fires_in_the_tests_of_promtool() -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", "rules_test.yml"], cwd=OBSERVE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_test_in_which_it_fires() -> None:
    groups = yaml.safe_load((OBSERVE / "rules.yml").read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    tests = yaml.safe_load((OBSERVE / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    firing = {
        re.findall(r'alertname="(\w+)"', test["expr"])[0]
        for case in tests
        for test in case["promql_expr_test"]
        if test["exp_samples"]
    }
    assert firing == alerts


def test_the_images_of_the_profile_have_tags_and_listen_on_the_loopback_interface_only() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    observing = {name: service for name, service in services.items() if service.get("profiles") == ["observe"]}
    assert observing.keys() == {"prometheus", "grafana"}
    for name, service in observing.items():
        assert re.fullmatch(r"\$\{\w+:-[\w/]+:v?\d+\.\d+\.\d+\}", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
        assert service["read_only"] is True
