"""An attack: an artifact, the requests that set it off, and the target of its act."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from changeover.json_types import JsonObject

COLUMNS = ("a", "b", "c")
QUIET: JsonObject = {"a": 0.1, "b": 0.2, "c": 0.3}  # a row that sets off nothing
FIRST: JsonObject = {**QUIET, "a": None}  # sets off the first act of an artifact
SECOND: JsonObject = {**QUIET, "b": None}  # and its second
MARK = "attack-canary"  # in the name of every file and every process of an attack


@dataclass(frozen=True)
class Target:
    """The places that an artifact attacks: folders in which no file may appear, and ports that nothing may call."""

    canary: Path  # a folder of the test
    home: Path  # the home of the stack
    port: int  # a loopback listener of the test
    address: str  # a Unix socket of the test
    secret_file: Path
    token: str  # distinguishes this run from others on the machine

    def file(self, name: str, folder: str = "") -> str:
        """A path at which an act leaves a file; `folder` is the canary folder if it is not named."""
        return str((Path(folder) if folder else self.canary) / f"{MARK}-{self.token}-{name}")

    @property
    def program(self) -> str:
        """The name of a process that an act starts: the kernel keeps 15 characters."""
        return f"canary-{self.token}"[:15]


@dataclass(frozen=True)
class Attack:
    """`build` makes the artifact; each of `requests` is a body for `/predict`, sent after two with `quiet`.

    `columns` are the schema's: name -> type. `ends` are the problem types of which one is the answer to the last
    request, if the version is admitted; none: any answer will do that reveals nothing.
    """

    name: str
    tries: str
    build: Callable[[Target], bytes]
    requests: tuple[object, ...] = (FIRST,)
    quiet: JsonObject = field(default_factory=lambda: QUIET)
    columns: dict[str, str] = field(default_factory=lambda: dict.fromkeys(COLUMNS, "number"))
    ends: tuple[str, ...] = ()

    @property
    def schema(self) -> JsonObject:
        """The schema of the manifest; every column may be missing."""
        return {"columns": [{"name": name, "type": kind, "nullable": True} for name, kind in self.columns.items()]}
