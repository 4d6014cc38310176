"""The rules of a load: the globals that an artifact may name, and whether it may carry code of its own."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LoadRules:
    """The rules of a load, which depend on the environment that reads the artifact.

    `extra_globals` are dotted names that the operator trusts as code (`mypackage.steps.Rounder`). `roots` are top-level
    packages that the operator installed for models: everything defined in them is trusted. `allow_code` reads the
    artifact as joblib does, without a list and without a check of its state: its publisher may run any code.
    `allowed_globals_file` is the list of another environment, in place of the one of this installation.
    """

    extra_globals: Collection[str] = ()
    roots: Collection[str] = ()
    allow_code: bool = False
    allowed_globals_file: Path | None = None
