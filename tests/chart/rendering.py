"""Renders the chart by the real `helm`: its objects, and what of them the golden files keep."""

import difflib
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from docs.chart import CHART

HERE: Final = Path(__file__).parent
GOLDEN: Final = HERE / "golden"
SECONDS: Final = 300
VERSION: Final = ("--kube-version", "1.36.0")  # a helm of `go install` takes the cluster for 1.20
NAMES: Final = ("default", "external", "everything")


def helm() -> str | None:
    """The path of `helm`, or None."""
    return shutil.which("helm") or shutil.which("helm", path=str(Path.home() / "go" / "bin"))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`helm` with these arguments; its result, whatever it is."""
    command = [helm() or "helm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def values_of(name: str) -> list[str]:
    """The options for a values file of this folder; `default` has none."""
    return [] if name == "default" else ["--values", str(HERE / f"{name}.yaml")]


def objects(*options: str) -> list[dict[str, Any]]:
    """The rendered objects, tests too, by kind and name. Raises AssertionError with Helm's own words."""
    result = run("template", "rel", str(CHART), "--namespace", "ml", *VERSION, *options)
    assert result.returncode == 0, result.stderr
    found = [one for one in yaml.safe_load_all(result.stdout) if one]
    return sorted(found, key=lambda one: (one["kind"], one["metadata"]["name"]))


def kept(rendered: list[dict[str, Any]]) -> str:
    """The text of a golden file: no labels of objects, no secrets, and of a ConfigMap only its keys."""
    for one in rendered:
        del one["metadata"]["labels"]
        if one["kind"] == "Secret":
            one["data"] = {key: f"{len(value)} characters" for key, value in one["data"].items()}
        if one["kind"] == "ConfigMap":
            one["data"] = sorted(one["data"])
    return yaml.safe_dump_all(rendered, sort_keys=True, width=120, default_flow_style=None)


def golden(name: str) -> tuple[Path, str]:
    """The golden file of a values file, and what it should have: the default whole, of others the difference to it."""
    text = kept(objects(*values_of(name)))
    if name == "default":
        return GOLDEN / "default.yaml", text
    lines = difflib.unified_diff(kept(objects()).splitlines(), text.splitlines(), "default", name, n=1, lineterm="")
    return GOLDEN / f"{name}.diff", "\n".join(lines) + "\n"


if __name__ == "__main__":
    for each in NAMES:
        path, content = golden(each)
        path.write_text(content, encoding="utf-8")
