"""The Helm chart without Helm: its schema, its values, its table and its templates agree with the code."""

import json
import re
import tomllib
from typing import Any

import jsonschema_rs
import pytest
import yaml

from changeover.cli.credentials import PublishedAddresses
from docs import chart
from docs.tables import setting_rows
from tests.tree import ROOT

SCHEMA = json.loads(chart.SCHEMA.read_text(encoding="utf-8"))
VALUES = yaml.safe_load(chart.VALUES.read_text(encoding="utf-8"))
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in sorted((chart.CHART / "templates").rglob("*.*"))}
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
VALUES_FILES = sorted((ROOT / "tests" / "chart").glob("*.yaml"))
# variables of the store's own image and of the command line, which docs/tables.py does not list
OF_OTHERS = {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_UPDATE", "MC_HOST_store", "MC_CONFIG_DIR", "STORE_URL"}
OF_OTHERS |= {"HOME", "POD_IP", "CHANGEOVER_SERVER_URL", "CHANGEOVER_PREDICT_URL", "CHANGEOVER_TOKEN"}


def test_the_generated_parts_are_what_the_code_says() -> None:
    assert chart.SCHEMA.read_text(encoding="utf-8") == chart.schema_text(), "run `make docs`"
    assert chart.PAGE.read_text(encoding="utf-8") == chart.page_text(), "run `make docs`"
    for file in chart.STORE.iterdir():
        assert (chart.CHART / "files" / file.name).read_bytes() == file.read_bytes(), "run `make docs`"


@pytest.mark.parametrize("path", [chart.VALUES, *VALUES_FILES], ids=lambda path: path.name)
def test_values_files_are_valid(path: Any) -> None:
    jsonschema_rs.validate(SCHEMA, yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"predictApi": {"replica": 3}}, "replica"),
        ({"settings": {"LOG_LEVLE": "debug"}}, "LOG_LEVLE"),
        ({"settings": {"LOG_LEVEL": "loud"}}, "loud"),
        ({"modelServer": {"settings": {"WORKERS": 2}}}, "WORKERS"),
        ({"predictApi": {"settings": {"DRAIN_SECONDS": 2}}}, "DRAIN_SECONDS"),
        ({"predictApi": {"settings": {"WORKERS": 0}}}, "0"),
        ({"store": {"external": {"url": "s3.example.org"}}}, "s3.example.org"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(jsonschema_rs.ValidationError, match=re.escape(named)):
        jsonschema_rs.validate(SCHEMA, values)


def keys_of(values: dict[str, Any], schema: dict[str, Any], before: str = "") -> set[str]:
    """The paths of `values` as far as the schema names them."""
    found = set()
    for name, value in values.items():
        inner = schema.get("properties", {}).get(name, {})
        if "properties" in inner and name != "settings":
            found |= keys_of(value, inner, f"{before}{name}.")
        else:
            found.add(f"{before}{name}")
    return found


def test_each_value_of_the_schema_has_a_default_and_a_description_and_the_other_way_round() -> None:
    leaves = dict(chart.leaves(SCHEMA))
    assert keys_of(VALUES, SCHEMA) == leaves.keys() - {"global"}
    assert [path for path, described in leaves.items() if not described.get("description")] == []


def test_each_value_is_used_by_a_template_and_each_used_one_exists() -> None:
    text = "\n".join(TEMPLATES.values())
    unused = [path for path, _ in chart.leaves(SCHEMA) if not re.search(rf"\.{path.split('.')[-1]}\b", text)]
    assert [path for path in unused if path != "global"] == []
    for path in set(re.findall(r"\.Values\.([A-Za-z.]+)", text)):
        chart.default_of(path.rstrip("."))


def test_each_variable_of_the_templates_is_a_setting() -> None:
    known = {*setting_rows(), *(name.upper() for name in PublishedAddresses.model_fields), *OF_OTHERS}
    named = set(re.findall(r"name: ([A-Z][A-Za-z0-9_]+)", "\n".join(TEMPLATES.values())))
    assert {name.removesuffix("_FILE") for name in named if name not in known} - known == set()


def test_what_settings_may_not_set_is_set_by_the_templates() -> None:
    text = "\n".join(TEMPLATES.values())
    missing = [name for name in sorted(chart.OF_TEMPLATES) if not re.search(rf"name: {name}(_FILE)?\b", text)]
    assert missing == ["ENVIRONMENTS_DIR"]  # the images set it
    assert set(setting_rows()) >= chart.OF_TEMPLATES | chart.OF_PINNED_MODE


def test_every_setting_of_a_service_has_one_place() -> None:
    parts = chart.settings_of_parts()
    named = [name for names in parts.values() for name in names]
    twice = {name for name in named if named.count(name) > 1}
    assert twice == chart.OF_EACH
    services = {name for name, readers in setting_rows().items() if readers.keys() & {"model_server", "predict_api"}}
    assert services - set(named) == (chart.OF_TEMPLATES | chart.OF_FILES) & services | chart.OF_PINNED_MODE


def test_it_installs_the_release_of_the_project_and_the_store_of_compose() -> None:
    described = yaml.safe_load((chart.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert described["appVersion"] == project["version"]
    store = VALUES["store"]["image"]
    assert f"{store['repository']}:{store['tag']}" in COMPOSE["services"]["store"]["image"]


@pytest.mark.parametrize(
    ("name", "template"), [("model_server", "model-server.yaml"), ("predict_api", "predict-api.yaml")]
)
def test_a_pod_has_the_user_of_its_image(name: str, template: str) -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    stage = dockerfile.split(f"FROM service AS {name}\n")[1].split("\nFROM ")[0]
    user = re.search(r"^USER (\d+):\1$", stage, re.MULTILINE)
    assert user
    assert f'include "changeover.podSecurity" {user[1]} ' in TEMPLATES[template]
