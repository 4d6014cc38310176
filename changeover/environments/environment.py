"""An environment: a Python interpreter and the packages that models may use in it.

`default` is the interpreter that runs this product. `changeover environment add` makes the others: each is a folder
with a virtual environment, the list of its allowed globals and, written last, `environment.json`. A folder without that
file is not complete.
"""

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import msgspec

from changeover.artifact.environment import environment as versions_here
from changeover.environments.exceptions import InvalidEnvironment
from changeover.json_documents import read_document
from changeover.process.atomic_file import write_atomically

DEFAULT: Final = "default"
FORMAT: Final = 1
# top-level packages that are read by the list of allowed globals, name by name, in every environment
LISTED: Final = frozenset({"sklearn", "numpy", "scipy", "pandas", "pyarrow", "joblib"})
FILE: Final = "environment.json"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Environment(msgspec.Struct, frozen=True):
    """One environment. `python` is the absolute path of its interpreter.

    `versions` are those of its distributions, and of `python`. `roots` are the top-level packages of the distributions
    that its own requirements name: models may use everything in them. `allow_code` admits artifacts that carry code.
    `allowed_globals` is the list for its libraries; None stands for the list of this product.
    """

    name: str
    python: str
    versions: dict[str, str] = {}
    roots: tuple[str, ...] = ()
    allow_code: bool = False
    allowed_globals: Path | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `environment.json`; its paths start from the folder that it is in, which may be moved."""

    name: str
    python: str
    versions: dict[str, str]
    roots: list[str]
    allow_code: bool = False
    allowed_globals: str
    requirements: list[str] = []
    format: Annotated[int, msgspec.Meta(ge=FORMAT)] = FORMAT


def check_name(name: str) -> str:
    """Return `name` unchanged, or raise InvalidEnvironment."""
    if not _NAME.fullmatch(name):
        raise InvalidEnvironment(
            f"{name!r} is not a name for an environment: use 1 to 63 of a-z, 0-9, '.', '-' and '_', beginning with a "
            f"letter or digit"
        )
    if name == DEFAULT:
        raise InvalidEnvironment(
            f"{DEFAULT!r} is the environment in which this product is installed: choose another name"
        )
    return name


def default_environment() -> Environment:
    """The running interpreter."""
    return Environment(DEFAULT, sys.executable, versions_here())


def read_environments(directory: Path | None) -> dict[str, Environment]:
    """The default environment and the complete ones in `directory`, by name, the default first, then in their order.

    Raises InvalidEnvironment for an `environment.json` that cannot be read.
    """
    environments = {DEFAULT: default_environment()}
    if directory is not None:
        for file in sorted(directory.absolute().glob(f"*/{FILE}")):
            environments[file.parent.name] = _read(file)
    return environments


def write_environment(folder: Path, stored: Stored) -> None:
    """Write `environment.json` into `folder`, which makes the environment complete."""
    write_atomically(folder / FILE, json.dumps(msgspec.to_builtins(stored), indent=1).encode() + b"\n")
    (folder / FILE).chmod(0o644)  # services may run as other users, and nothing in it is a secret


def _read(file: Path) -> Environment:
    folder = file.parent
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidEnvironment(
            f"{file} cannot be read ({error}): remove that environment and add it again"
        ) from error
    stored = read_document(body, Stored, file.as_posix(), InvalidEnvironment)
    return Environment(
        folder.name,
        str(folder / stored.python),
        stored.versions,
        tuple(stored.roots),
        stored.allow_code,
        folder / stored.allowed_globals,
    )


def installed_version(distribution: str) -> str | None:
    """The version of a distribution in the running interpreter."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
