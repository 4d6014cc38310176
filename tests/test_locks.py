"""The lock files: the same versions in all of them, no open requirement, hashes for each file, and no address."""

import re
import tomllib
from importlib.metadata import distribution, distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.lock_file import open_requirements, pins
from tests.tree import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text_of(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def of_extra(extra: str) -> list[str]:
    """The requirements of an extra of the project, with those of the extras that it names and of the project."""
    requirements = list(PROJECT["project"]["dependencies"])
    for line in PROJECT["project"]["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["project"]["name"]:
            requirements += [one for inner in sorted(requirement.extras) for one in of_extra(inner)]
        else:
            requirements.append(line)
    return requirements


def of_group(group: str) -> list[str]:
    requirements: list[str] = []
    for entry in PROJECT["dependency-groups"][group]:
        requirements += [entry] if isinstance(entry, str) else of_group(entry["include-group"])
    return requirements


ROOTS = {
    "dev": of_extra("embedded") + of_extra("otel") + of_group("dev"),
    "embedded": of_extra("embedded"),
    "server": of_extra("server") + of_extra("otel"),
    "predict": of_extra("predict") + of_extra("otel"),
    "build": of_group("build"),
}


def requires(name: str) -> list[str]:
    return distribution(name).requires or []


@pytest.mark.parametrize("name", [lock.stem for lock in LOCKS])
def test_every_lock_is_closed(name: str) -> None:
    assert open_requirements(text_of(name), ROOTS[name], requires) == []


@pytest.mark.parametrize(
    ("lock", "missing"),
    [
        ("a==1.0\nb==1.0", "a requires b[x]>=1.0, but the lock leaves out the extra"),
        ("a==1.0\nb[x]==1.0", "b requires c; extra == 'x', which is not locked"),
        ("a==1.0\nb[x]==0.9\nc==1", "a requires b[x]>=1.0, but 0.9 is locked"),
        ("a==1.0\nb[x]==1.0\nc==1 ; python_full_version < '3.12'", "b requires c; extra == 'x', which is not locked"),
        ("b[x]==1.0\nc==1", "the project requires a>=1, which is not locked"),
    ],
)
def test_a_lock_that_is_not_closed_is_named(lock: str, missing: str) -> None:
    tree = {"a": ["b[x]>=1.0"], "b": ["c; extra == 'x'", "d; python_version < '3.11'"], "c": []}
    assert [line.replace('"', "'") for line in open_requirements(lock, ["a>=1"], lambda name: tree[name])] == [missing]


def test_what_is_installed_is_exactly_the_lock() -> None:
    installed = {canonicalize_name(one.name): one.version for one in distributions()}
    here = {pin for pin in pins(text_of("dev")).values() if pin.marker is None or pin.marker.evaluate()}
    assert installed.pop("changeover") == PROJECT["project"]["version"]
    assert installed == {pin.name: pin.version for pin in here}


@pytest.mark.parametrize("name", [lock.stem for lock in LOCKS if lock.stem != "dev"])
def test_every_lock_has_the_versions_that_the_tests_run_on(name: str) -> None:
    tested = pins(text_of("dev"))
    locked = pins(text_of(name))
    assert locked
    assert {pin for pin in locked.values() if tested[pin.name].version != pin.version} == set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_pin_has_hashes_and_no_lock_names_an_address(lock) -> None:
    text = lock.read_text(encoding="utf-8")
    without = [line for line in re.findall(r"^\S+==.*$", text, re.MULTILINE) if not line.endswith("\\")]
    assert without == []
    assert len(re.findall(r"^\S+==", text, re.MULTILINE)) == len(pins(text))
    assert not re.search(r"://|--(extra-)?index-url|--find-links|^-e |@ file", text, re.MULTILINE)
