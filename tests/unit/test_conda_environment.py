"""The conda environment for data scientists: its versions are those of the services."""

import re

import pytest
import yaml

from tests.tree import ROOT

SHARED = ("scikit-learn", "numpy", "pandas", "joblib", "scipy")


def conda() -> dict[str, str]:
    entries = yaml.safe_load((ROOT / "conda_environment.yml").read_text(encoding="utf-8"))["dependencies"]
    return dict(entry.split("=", 1) for entry in entries if isinstance(entry, str) and "=" in entry)


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", ["server.txt", "predict.txt"])
@pytest.mark.parametrize("distribution", SHARED)
def test_the_conda_environment_has_the_version_that_the_services_run(distribution: str, lock: str) -> None:
    assert conda()[distribution] == locked(lock)[distribution]


def test_the_conda_environment_has_the_python_of_the_images() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    images = set(re.findall(r"\bpython:(\d+\.\d+)-slim-trixie", dockerfile))
    assert images == {conda()["python"]}


def test_the_conda_environment_installs_the_client_from_this_repository() -> None:
    entries = yaml.safe_load((ROOT / "conda_environment.yml").read_text(encoding="utf-8"))["dependencies"]
    assert {"pip": ["-e ."]} in entries
