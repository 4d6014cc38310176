"""The lock files: one version of everything everywhere, each file with its hashes, and no address of a machine."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.tree import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def pins(name: str) -> dict[str, str]:
    """Name -> version, as a lock file has them."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", [lock.stem for lock in LOCKS if lock.stem != "dev"])
def test_every_lock_has_the_versions_that_the_tests_run_on(name: str) -> None:
    tested = pins("dev")
    assert pins(name)
    assert {package: version for package, version in pins(name).items() if tested.get(package) != version} == {}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_pin_has_hashes_and_no_lock_names_a_place(lock) -> None:
    text = lock.read_text(encoding="utf-8")
    without = [line for line in re.findall(r"^\S+==.*$", text, re.MULTILINE) if not line.endswith("\\")]
    assert without == []
    assert not re.search(r"://|--(extra-)?index-url|--find-links|^-e |@ file", text, re.MULTILINE)


def test_what_is_declared_is_locked_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = list(project["project"]["dependencies"])
    declared += [one for extra in project["project"]["optional-dependencies"].values() for one in extra]
    declared += [one for group in project["dependency-groups"].values() for one in group if isinstance(one, str)]
    locked = pins("dev")
    for one in map(Requirement, declared):
        if one.name != "changeover":
            assert locked.get(one.name.lower()) in one.specifier, f"{one}: run `make lock`"
