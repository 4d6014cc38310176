"""A lock file as data: its pins with extras and markers, and the requirements that it does not meet."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = (("linux", "Linux"), ("darwin", "Darwin"))
_PIN = re.compile(r"^([\w.-]+)(?:\[([\w.,-]+)\])?==([^\s;]+)(?:\s*;\s*([^\\\n]+?))?\s*\\?$", re.MULTILINE)

Environment = dict[str, str]
Requires = Callable[[str], Iterable[str]]


@dataclass(frozen=True)
class Pin:
    """One locked distribution: `name[extras]==version ; marker`."""

    name: str
    extras: frozenset[str]
    version: str
    marker: Marker | None

    def holds_in(self, environment: Environment) -> bool:
        """Whether the distribution is installed in the environment."""
        return self.marker is None or self.marker.evaluate(dict(environment))


def pins(text: str) -> dict[str, Pin]:
    """The pins in the text of a lock file, by canonical name."""
    locked_pins = [
        Pin(
            canonicalize_name(name),
            frozenset(filter(None, extras.split(","))),
            version,
            Marker(marker) if marker else None,
        )
        for name, extras, version, marker in _PIN.findall(text)
    ]
    return {pin.name: pin for pin in locked_pins}


def environments() -> Iterator[Environment]:
    """The environments of a lock: each Python, on Linux and on macOS."""
    for python in PYTHONS:
        for platform, system in SYSTEMS:
            yield {
                "python_version": python,
                "python_full_version": f"{python}.0",
                "implementation_version": f"{python}.0",
                "sys_platform": platform,
                "platform_system": system,
                "os_name": "posix",
                "platform_machine": "x86_64" if platform == "linux" else "arm64",
                "platform_python_implementation": "CPython",
                "implementation_name": "cpython",
            }


def open_requirements(text: str, roots: Iterable[str], requires: Requires) -> list[str]:
    """Every requirement that the lock does not meet, with the distribution that has it.

    `roots` are the requirements that the lock was made from; `requires` gives the `Requires-Dist` lines of a
    distribution by its canonical name.
    """
    locked = pins(text)
    missing: dict[str, None] = {}
    for environment in environments():
        requirements = [("the project", Requirement(line), frozenset({""})) for line in roots]
        for pin in locked.values():
            if pin.holds_in(environment):
                requirements += [(pin.name, Requirement(line), pin.extras | {""}) for line in requires(pin.name)]
        for requirer, requirement, extras in requirements:
            if not _applies(requirement, environment, extras):
                continue
            pin = locked.get(canonicalize_name(requirement.name))
            if pin is None or not pin.holds_in(environment):
                missing[f"{requirer} requires {requirement}, which is not locked"] = None
            elif not requirement.specifier.contains(pin.version, prereleases=True):
                missing[f"{requirer} requires {requirement}, but {pin.version} is locked"] = None
            elif not requirement.extras <= pin.extras:
                missing[f"{requirer} requires {requirement}, but the lock leaves out the extra"] = None
    return list(missing)


def _applies(requirement: Requirement, environment: Environment, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in extras)
