"""The options of zygotes and runners, which the pool chooses and passes as JSON."""

from pathlib import Path

from msgspec import Struct

from changeover.artifact.load_rules import LoadRules


class Preload(Struct, frozen=True):
    """The options of a zygote: the libraries that it imports, and the rules by which its runners load artifacts.

    `extra_globals` are dotted names that the operator trusts. `roots` are the packages that the environment's own
    requirements name: every global of theirs is trusted. `allow_code` admits code by value. `allowed_globals` is the
    path of the environment's own list, empty for the one of the product. `threads` bounds the numerical libraries.
    """

    extra_globals: list[str] = []
    roots: list[str] = []
    allow_code: bool = False
    allowed_globals: str = ""
    twins: bool = False
    nice: int = 0
    threads: int = 1

    @property
    def rules(self) -> LoadRules:
        """The rules by which a runner loads artifacts."""
        file = Path(self.allowed_globals) if self.allowed_globals else None
        return LoadRules(self.extra_globals, self.roots, self.allow_code, file)


class Options(Struct, frozen=True):
    """The options of a runner: its limits, and the measures of confinement without which it does not begin.

    `cpu_seconds` is None for one that serves. `scorers`: whether it may fork.
    """

    memory_bytes: int
    cpu_seconds: int | None = None
    required: list[str] = []
    scorers: bool = False
