"""The commands and manifests for clouds, and the Terraform module, against the code."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import tables
from model_server.settings import ServerSettings
from predict_api.container import VERTEX, defaults
from predict_api.settings import PredictSettings
from tests.test_docs import OF_DIALECTS, routes
from tests.tree import ROOT

PAGE = (ROOT / "docs" / "clouds.md").read_text(encoding="utf-8")
RUNTIME, SERVICE = yaml.safe_load_all((ROOT / "deploy" / "clouds" / "kserve.yaml").read_text(encoding="utf-8"))
AZURE = yaml.safe_load((ROOT / "deploy" / "clouds" / "azureml.yaml").read_text(encoding="utf-8"))
TERRAFORM = ROOT / "deploy" / "terraform" / "aws"
SERVED = defaults(["serve"], {})
PORT = int(SERVED["predict_port"])


def environment(container: dict[str, Any]) -> dict[str, str]:
    """The variables of a container of Kubernetes."""
    return {entry["name"]: entry["value"] for entry in container["env"]}


def settings_of(variables: dict[str, str]) -> PredictSettings:
    """The settings of predict_api by these variables; an unknown one fails."""
    unknown = variables.keys() - {name.upper() for name in PredictSettings.model_fields}
    assert not unknown, f"no settings of predict_api: {sorted(unknown)}"
    values: dict[str, Any] = {name.lower(): value for name, value in variables.items()}
    return PredictSettings.from_environment(**values)


def test_kserves_manifest_starts_the_container_by_settings_that_exist() -> None:
    container = RUNTIME["spec"]["containers"][0]
    model = SERVICE["spec"]["predictor"]["model"]
    assert model["runtime"] == RUNTIME["metadata"]["name"]
    assert model["modelFormat"]["name"] in {each["name"] for each in RUNTIME["spec"]["supportedModelFormats"]}
    assert model["protocolVersion"] in RUNTIME["spec"]["protocolVersions"]
    variables = environment(container) | environment(model) | {"DEFAULT_MODEL": SERVICE["metadata"]["name"]}
    settings = settings_of(variables)
    assert str(settings.model_file) == "/mnt/models"
    assert model["storageUri"].endswith(f"/versions/{SERVICE['metadata']['name']}/{settings.model_sha256}")
    assert container["args"] == ["serve"]


def test_kserves_probes_and_port_are_those_of_the_container() -> None:
    container = RUNTIME["spec"]["containers"][0]
    assert [each["containerPort"] for each in container["ports"]] == [PORT]
    for probe in ("readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] == PORT
        assert f"GET {asked['path']}" in routes("predict_api")


def test_azures_deployment_sets_what_the_argument_serve_would() -> None:
    settings = settings_of(AZURE["environment_variables"])
    for name, value in SERVED.items():
        assert str(getattr(settings, name)) == value, name
    assert str(settings.model_file) == AZURE["model_mount_path"]
    called = {"liveness_route": "GET", "readiness_route": "GET", "scoring_route": "POST"}
    for name, method in called.items():
        route = AZURE["environment"]["inference_config"][name]
        assert route["port"] == PORT
        assert f"{method} {route['path']}" in routes("predict_api") | OF_DIALECTS


def test_sagemakers_command_names_settings_and_its_calls_are_served() -> None:
    found = re.search(r"Environment=\{([^}]*)\}", PAGE)
    assert found
    names = {pair.split("=")[0] for pair in found[1].split(",")}
    settings_of({**dict.fromkeys(names, "0" * 64), "DEFAULT_MODEL": "churn"})
    assert str(settings_of({"MODEL_SHA256": "0" * 64} | {k.upper(): v for k, v in SERVED.items()}).model_file) == (
        "/opt/ml/model"
    )
    assert {"GET /ping", "POST /invocations"} <= routes("predict_api") | OF_DIALECTS


def test_vertexs_command_names_the_port_and_routes_that_the_container_reads() -> None:
    flags = dict(re.findall(r"--container-(ports|health-route|predict-route)=(\S+)", PAGE))
    assert int(flags["ports"]) == PORT
    assert set(VERTEX) == {"AIP_HTTP_PORT", "AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE"}
    platform = {
        "AIP_HTTP_PORT": flags["ports"],
        "AIP_HEALTH_ROUTE": flags["health-route"],
        "AIP_PREDICT_ROUTE": flags["predict-route"],
    }
    settings = PredictSettings.from_environment(defaults([], platform), model_sha256="0" * 64)
    assert settings.predict_route == flags["predict-route"]
    taken = {call.split()[1] for call in routes("predict_api") | OF_DIALECTS}
    assert flags["predict-route"] not in taken
    assert f"GET {flags['health-route']}" in routes("predict_api")


def test_terraform_gives_model_server_the_rights_of_its_policy_and_no_other() -> None:
    text = (TERRAFORM / "storage.tf").read_text(encoding="utf-8")
    text = text[text.index('"aws_iam_policy_document" "model_server"') : text.index('"aws_iam_user"')]
    given = {}
    for block in text.split("statement {")[1:]:
        sid = re.search(r'sid\s*= "(\w+)"', block)
        effect = re.search(r'effect\s*= "(\w+)"', block)
        resources = re.search(r"resources\s*= \[(.*?)\]", block)
        assert sid
        assert effect
        assert resources
        arns = [
            one.strip().strip('"').replace("${aws_s3_bucket.models.arn}", "aws_s3_bucket.models.arn")
            for one in resources[1].split(",")
        ]
        where = [arn.replace("aws_s3_bucket.models.arn", "arn:aws:s3:::@BUCKET@") for arn in arns]
        given[sid[1]] = (effect[1], set(re.findall(r'"(s3:\w+)"', block)), where)
    policy = json.loads((ROOT / "deploy" / "store" / "model_server.policy.json").read_text(encoding="utf-8"))
    of_s3 = [each for each in policy["Statement"] if each["Action"] != ["admin:*"]]
    assert given == {each["Sid"]: (each["Effect"], set(each["Action"]), each["Resource"]) for each in of_s3}


def test_terraform_sets_values_that_the_chart_has() -> None:
    chart = ROOT / "deploy" / "helm" / "changeover" / "values.yaml"
    if not chart.exists():
        pytest.skip("there is no chart in deploy/helm/changeover")
    known = yaml.safe_load(chart.read_text(encoding="utf-8"))
    text = (TERRAFORM / "release.tf").read_text(encoding="utf-8")
    body = text[text.index("yamlencode({") : text.index("}),\n    var.values")].removeprefix("yamlencode({")
    body = re.sub(r"\$\{[^}]*\}", "", body)  # an interpolation
    path: list[str] = []
    paths: list[list[str]] = []
    for name, opens, closes in re.findall(r"(\w+)\s+=\s+(\{)?|(\})", body):
        if closes:
            path.pop()
        elif name:
            paths.append([*path, name])
            path += [name] if opens else []
    assert len(paths) > 10
    for each in paths:
        level: Any = known
        for name in each:
            assert name in level, f"the chart has no value {'.'.join(each)}"
            level = level[name]


def test_terraform_is_valid_for_the_providers_at_hand(tmp_path: Path) -> None:
    """TERRAFORM_PLUGINS: a folder of providers as `terraform providers mirror` makes it; it needs those of AWS at least."""
    tool, plugins = shutil.which("terraform"), os.environ.get("TERRAFORM_PLUGINS")
    if tool is None or not plugins:
        pytest.skip("terraform is not on the PATH, or TERRAFORM_PLUGINS names no folder of providers")
    subprocess.run([tool, "fmt", "-check", "-diff", str(TERRAFORM)], check=True)
    module = tmp_path / "module"
    shutil.copytree(TERRAFORM, module)
    missing = [name for name in ("helm", "kubernetes") if not list(Path(plugins).glob(f"*/hashicorp/{name}"))]
    if missing:  # then what needs no cluster is checked
        (module / "release.tf").unlink()
        versions = (module / "versions.tf").read_text(encoding="utf-8")
        versions = re.sub(r"\n +(helm|kubernetes) +=.*", "", versions[: versions.index('provider "kubernetes"')])
        (module / "versions.tf").write_text(versions, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "TF_CLI_CONFIG_FILE"}
    for call in (["init", "-backend=false", f"-plugin-dir={plugins}"], ["validate"]):
        done = subprocess.run(
            [tool, *call, "-no-color"], cwd=module, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_settings_that_the_pages_name_exist() -> None:
    known = set(tables.setting_rows()) | {name.upper() for name in ServerSettings.model_fields} | set(VERTEX)
    named = set(re.findall(r"`([A-Z]+_[A-Z_0-9]+)(?:=[^`]*)?`", PAGE))
    named = {name.removesuffix("_FILE") if name not in known else name for name in named} - {"TERRAFORM_PLUGINS"}
    assert named <= known, sorted(named - known)
