"""The generated parts of the Helm chart: settings in its schema, the table of its values, and files of `deploy/store`.

`python -m docs.chart` writes them; `tests/unit/test_chart.py` fails where they differ from the code.
"""

import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from typing import Any, Final

import yaml

from docs.tables import ROOT

CHART: Final = ROOT / "deploy" / "helm" / "changeover"
SCHEMA: Final = CHART / "values.schema.json"
VALUES: Final = CHART / "values.yaml"
PAGE: Final = ROOT / "docs" / "kubernetes.md"
STORE: Final = ROOT / "deploy" / "store"
START: Final = "<!-- values -->\n"
END: Final = "<!-- end of values -->"

# What templates set from other values, or what the images set: not to be set by `settings`.
OF_TEMPLATES: Final = frozenset(
    [
        "ALLOWED_HOSTS",
        "AWS_ACCESS_KEY_ID",
        "AWS_ENDPOINT_URL_S3",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "BUCKET",
        "CACHE_DIR",
        "DRAIN_SECONDS",
        "ENVIRONMENTS_DIR",
        "KEYS_FILE",
        "MODEL_SERVER_URL",
        "PREDICT_HOST",
        "PREDICT_PORT",
        "PREDICT_URL",
        "PUBLISH_TOKEN",
        "REPORT_TOKEN",
        "SERVER_HOST",
        "SERVER_PORT",
        "SPOOL_DIR",
        "TOKENS_FILE",
        "WEBHOOK_SECRET",
        "WEBHOOK_URLS",
    ]
)
# The pinned mode of predict_api needs neither model_server nor a store: a Deployment without this chart (docs/clouds.md).
OF_PINNED_MODE: Final = frozenset({"MODEL_FILE", "PREDICT_ROUTE", "HEALTH_ROUTE"})
# The chart mounts no files of certificates: its pods speak HTTPS by its ingress and a service mesh (docs/tls.md).
OF_FILES: Final = frozenset({"AWS_CA_BUNDLE", "TLS_CA", "TLS_CERT", "TLS_CLIENT_CA", "TLS_KEY"})
# Settings of both services that each has a value of its own for.
OF_EACH: Final = frozenset({"TRUSTED_PROXIES"})
ONLY_SERVER: Final = frozenset({"MODEL_SHA256"})


def settings(module: str, name: str) -> dict[str, dict[str, Any]]:
    """NAME -> JSON schema of each setting of a class, without what a chart does not need: titles, null."""
    cls = getattr(importlib.import_module(module), name)
    found = {}
    for field, described in cls.model_json_schema()["properties"].items():
        options = [one for one in described.pop("anyOf", []) if one.get("type") != "null"]
        schema = {**described, **(options[0] if options else {})}
        found[field.upper()] = {key: schema[key] for key in sorted(schema) if key not in ("title", "default", "format")}
    return found


def settings_of_parts() -> dict[str, dict[str, dict[str, Any]]]:
    """`settings`, `modelServer`, `predictApi` -> NAME -> JSON schema of the settings that each part may set."""
    both = settings("changeover.process.service_settings", "ServiceSettings")
    server = settings("model_server.settings", "ServerSettings") | settings("object_store.settings", "StoreSettings")
    predict = settings("predict_api.settings", "PredictSettings")
    never = OF_TEMPLATES | OF_PINNED_MODE | OF_FILES
    shared = both.keys() - never - OF_EACH - ONLY_SERVER
    return {
        "settings": {name: both[name] for name in sorted(shared)},
        "modelServer": {name: server[name] for name in sorted(server.keys() - never - shared)},
        "predictApi": {name: predict[name] for name in sorted(predict.keys() - never - shared - ONLY_SERVER)},
    }


def schema_with_settings(schema: dict[str, Any]) -> dict[str, Any]:
    """The chart's schema with the `settings` of each part replaced by those of the code."""
    parts = settings_of_parts()
    for part, names in parts.items():
        top = schema["properties"]
        entry = top["settings"] if part == "settings" else top[part]["properties"]["settings"]
        text = entry["description"]
        entry.clear()
        entry |= {"description": text, "type": "object", "additionalProperties": False, "properties": names}
        if part == "settings":
            entry["patternProperties"] = {"^OTEL_[A-Z_]+$": {"type": ["string", "number", "boolean"]}}
    return schema


def schema_text() -> str:
    """The text of `values.schema.json`, from the file itself and the settings of the code."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return json.dumps(schema_with_settings(schema), indent=2, ensure_ascii=False) + "\n"


def leaves(schema: dict[str, Any], before: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each value that can be set, `predictApi.replicas`, with its schema; `settings` and free objects are one value."""
    for name, described in schema["properties"].items():
        path = f"{before}{name}"
        if "properties" in described and name != "settings":
            yield from leaves(described, f"{path}.")
        else:
            yield path, described


def default_of(path: str) -> Any:
    """The value of `path` in `values.yaml`; raises KeyError if there is none."""
    value = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    for name in path.split("."):
        value = value[name]
    return value


def values_table() -> str:
    """One row a value: its path, its default and its meaning."""
    lines = ["| value | default | meaning |", "|---|---|---|"]
    for path, described in leaves(json.loads(SCHEMA.read_text(encoding="utf-8"))):
        if path != "global":
            default = default_of(path)
            shown = "none" if default in ("", [], {}) else f"`{json.dumps(default).strip(chr(34))}`"
            lines.append(f"| `{path}` | {shown} | {described['description']} |")
    return "\n".join(lines)


def page_text() -> str:
    """The text of `docs/kubernetes.md` with the table of values."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START, 1)
    return f"{before}{START}{values_table()}\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for file in STORE.iterdir():
        shutil.copyfile(file, CHART / "files" / file.name)
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(page_text(), encoding="utf-8")
