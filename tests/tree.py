"""Our parsed sources, for the tests of rules about the code (arrows, rooms, tidiness, words)."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("changeover", "object_store", "model_runner", "bulk_score", "model_server", "predict_api")
# fronts: modules that users import by the product's name, with the one module that each leads to. They are above all
# packages, so that none of our modules imports them
FRONTS = {"changeover.spark": "bulk_score.spark"}


@dataclass(frozen=True)
class Import:
    """One imported name: `from changeover.protocol.wire import ETAG` is ("changeover.protocol.wire", "ETAG"), `import os` ("os", "")."""

    module: str
    name: str
    line: int


@dataclass(frozen=True)
class Source:
    """One module: its dotted name, its path from the root on, and its text."""

    module: str
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text, self.path)

    @property
    def docstring(self) -> str:
        """The module's docstring, or an empty string."""
        return ast.get_docstring(self.tree) or ""

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.module if self.path.endswith("__init__.py") else self.module.rpartition(".")[0]

    def imports(self) -> Iterator[Import]:
        """Every import, including those inside functions and under TYPE_CHECKING."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, "", node.lineno)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    up = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
                    base = ".".join([*up, *([node.module] if node.module else [])])
                for alias in node.names:
                    yield Import(base, alias.name, node.lineno)

    def dotted_names(self) -> Iterator[tuple[str, int]]:
        """Every attribute that is read, as it is written: ("os.environ.get", 12)."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                parts = [node.attr]
                value = node.value
                while isinstance(value, ast.Attribute):
                    parts.append(value.attr)
                    value = value.value
                if isinstance(value, ast.Name):
                    yield ".".join([value.id, *reversed(parts)]), node.lineno


def source(path: str, text: str) -> Source:
    """A module with this text at `path`, for the red examples."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Source(module, path, text)


def sources(*folders: str) -> list[Source]:
    """Every Python file under the folders, from the root on."""
    return [
        source(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
        for folder in folders
        for file in sorted((ROOT / folder).rglob("*.py"))
    ]


def edges(files: list[Source], known: Mapping[str, Source] | None = None) -> dict[str, set[str]]:
    """The imports between our modules: module -> modules."""
    modules = known if known is not None else {file.module: file for file in files}
    graph: dict[str, set[str]] = {}
    for file in files:
        found = graph.setdefault(file.module, set())
        for one in file.imports():
            for target in (f"{one.module}.{one.name}", one.module):
                if target in modules:
                    found.add(target)
                    break
        found.discard(file.module)
    return graph


OURS = sources(*PACKAGES)
