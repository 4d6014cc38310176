"""The Helm chart as the real `helm` renders it: golden files, restricted pods, settings that the services accept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from changeover.process.settings import Settings
from docs.chart import CHART
from model_server.settings import ServerSettings
from object_store.settings import StoreSettings
from predict_api.settings import PredictSettings
from tests.chart import rendering

pytestmark = pytest.mark.skipif(
    rendering.helm() is None,
    reason="helm is neither on the PATH nor in ~/go/bin: `go install helm.sh/helm/v3/cmd/helm`",
)

ROLES = {"model-server": (ServerSettings, StoreSettings), "predict-api": (PredictSettings,)}


@pytest.fixture(scope="module", params=rendering.NAMES)
def rendered(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The objects of each values file."""
    return rendering.objects(*rendering.values_of(request.param))


def pods(rendered: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Component, metadata and specification of each pod."""
    for one in rendered:
        pod = one if one["kind"] == "Pod" else one["spec"].get("template") if "spec" in one else None
        if pod:
            yield pod["metadata"]["labels"]["app.kubernetes.io/component"], pod["metadata"], pod["spec"]


@pytest.mark.parametrize("name", rendering.NAMES)
def test_lint_finds_nothing(name: str) -> None:
    result = rendering.run("lint", "--strict", str(CHART), *rendering.values_of(name))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", rendering.NAMES)
def test_the_rendering_is_the_golden_one(name: str) -> None:
    path, text = rendering.golden(name)
    assert path.read_text(encoding="utf-8") == text, "if it is meant: `python -m tests.chart.rendering`"


def test_every_pod_is_restricted_and_has_no_token_of_a_service_account(rendered: list[dict[str, Any]]) -> None:
    assert len(list(pods(rendered))) >= 3
    for component, _, pod in pods(rendered):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, component
        assert security["runAsUser"] >= 10000, component
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, component
        assert pod["automountServiceAccountToken"] is False, component
        assert pod["enableServiceLinks"] is False, component  # PREDICT_PORT would be that of a Service `predict`
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), component
        kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"emptyDir", "projected", "secret", "configMap", "persistentVolumeClaim"}, component
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, component
            assert {"requests", "limits"} <= container["resources"].keys(), component


def test_every_mount_has_its_volume_and_every_volume_its_mount(rendered: list[dict[str, Any]]) -> None:
    for component, _, pod in pods(rendered):
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        claimed = {"data"} if component == "store" else set()
        assert mounted == {volume["name"] for volume in pod["volumes"]} | claimed, component


def test_every_service_policy_and_budget_selects_pods_of_the_chart(rendered: list[dict[str, Any]]) -> None:
    labels = [metadata["labels"] for _, metadata, _ in pods(rendered)]
    for one in rendered:
        spec = one.get("spec", {})
        if one["kind"] in ("Service", "NetworkPolicy", "PodDisruptionBudget"):
            selector = spec.get("podSelector", spec.get("selector"))
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= known.items() for known in labels), one["metadata"]["name"]


def test_the_services_accept_their_variables(
    rendered: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tokens.txt").write_text("")
    (tmp_path / "keys.json").write_text('{"keys": []}')
    for component, _, pod in pods(rendered):
        if component not in ROLES:
            continue
        (container,) = pod["containers"]
        variables = {
            one["name"]: one["value"].replace("$(POD_IP)", "10.0.0.7") for one in container["env"] if "value" in one
        }
        known = {field.upper() for kind in ROLES[component] for field in kind.model_fields}
        others = {name for name in variables if name.removesuffix("_FILE") not in known and name not in known}
        assert all(name.startswith(("OTEL_", "PUBLISHED_", "PUBLISHER_")) for name in others), others
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, _on_this_machine(name, value, tmp_path))
            for kind in ROLES[component]:
                _accepted(kind)


def _on_this_machine(name: str, value: str, folder: Path) -> str:
    """A file of a Secret, in a folder of this test."""
    if not name.endswith("_FILE"):
        return value
    file = folder / Path(value).name
    if not file.exists():
        texts = {"webhook_urls": "https://hooks.example.org/changeover", "webhook_secret": "whsec_" + "MfKQ" * 11}
        file.write_text(texts.get(file.name, "x" * 43))
    return str(file)


def _accepted(kind: type[Settings]) -> None:
    settings = kind.from_environment()
    if isinstance(settings, PredictSettings):
        assert settings.drain_seconds == 5
        assert settings.hosts.allow("10.0.0.7:5000")  # Prometheus calls a pod by its address
        assert settings.max_body_bytes in (8388608, 16777216)
    if isinstance(settings, ServerSettings):
        assert settings.admission_memory_bytes in (8589934592, 10737418240)


def test_a_pod_drains_for_less_than_it_may_take_to_end(rendered: list[dict[str, Any]]) -> None:
    (pod,) = [pod for component, _, pod in pods(rendered) if component == "predict-api"]
    drain = next(one["value"] for one in pod["containers"][0]["env"] if one["name"] == "DRAIN_SECONDS")
    assert pod["terminationGracePeriodSeconds"] > float(drain) + 10


def test_a_number_of_pods_is_the_autoscalers_or_the_values(rendered: list[dict[str, Any]]) -> None:
    scaled = any(one["kind"] == "HorizontalPodAutoscaler" for one in rendered)
    (deployment,) = [
        one for one in rendered if one["kind"] == "Deployment" and one["metadata"]["name"].endswith("predict-api")
    ]
    assert ("replicas" in deployment["spec"]) is not scaled
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["store.external.url=https://s3.example.org"], "store.external.existingSecret"),
        (["store.external.existingSecret=keys"], "store.external.url"),
        (["predictApi.drainSeconds=40"], "terminationGracePeriodSeconds"),
        (["predictApi.settings.START_TIMEOUT=300"], "startupSeconds"),
        (["predictApi.autoscaling.minReplicas=11"], "minReplicas"),
        (["modelServer.ingress.enabled=true"], "modelServer.ingress.host"),
        (["predictApi.replicsa=3"], "replicsa"),
        (["settings.LOG_LEVEL=loud"], "LOG_LEVEL"),
    ],
)
def test_values_that_cannot_work_are_refused(options: list[str], named: str) -> None:
    result = rendering.run(
        "template", str(CHART), *rendering.VERSION, *(part for one in options for part in ("--set", one))
    )
    assert result.returncode != 0
    assert named in result.stderr


def test_no_network_policy_where_they_are_off() -> None:
    kinds = [one["kind"] for one in rendering.objects("--set", "networkPolicy.enabled=false")]
    assert "NetworkPolicy" not in kinds


def test_a_store_outside_gets_the_port_of_its_address() -> None:
    options = ("store.external.url=http://minio.example.org:9000", "store.external.existingSecret=keys")
    rendered = rendering.objects(*(part for one in options for part in ("--set", one)))
    (policy,) = [
        one
        for one in rendered
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "rel-changeover-model-server"
    ]
    assert {"ports": [{"port": 9000, "protocol": "TCP"}]} in policy["spec"]["egress"]
    assert not [one for one in rendered if one["kind"] in ("StatefulSet", "Job", "ConfigMap")]
