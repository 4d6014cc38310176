"""The loading of a skops file: a zip archive of arrays, and `schema.json` with the class of every object.

Each class is looked up on the list of allowed globals before the library skops, which the environment must have, makes
any object. The file may be of another version of scikit-learn, as a pickle may.
"""

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any, Final

from changeover.artifact.global_lookup import HandedOut
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact

_SCHEMA: Final = "schema.json"
_MOST_SCHEMA: Final = 256 * 1024**2  # bytes
_VERSION: Final = "_sklearn_version"
# what skops makes of JSON and zip members itself; it neither imports nor calls them
_OF_SKOPS: Final = frozenset({"builtins", "datetime", "collections"})
# in a pickle, a function stands for each of these
_GENERATORS: Final = frozenset({"numpy.random._generator.Generator", "numpy.random.mtrand.RandomState"})


def is_skops(buffer: bytes) -> bool:
    """Whether the bytes are a zip archive with a member `schema.json`."""
    if not buffer.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(buffer)) as archive:
            return _SCHEMA in archive.namelist()
    except (zipfile.BadZipFile, ValueError):
        return False


def classes_in(buffer: bytes, max_bytes: int) -> list[tuple[str, str]]:
    """The module and name of each class in the file, once each, in order; raises UnreadableArtifact."""
    return list(dict.fromkeys(_classes(_schema(buffer, max_bytes))))


def versions_in(buffer: bytes, max_bytes: int) -> dict[str, list[str]]:
    """The versions of scikit-learn in the file, with the names of the classes that were made with each."""
    made_with: dict[str, list[str]] = {}
    for node in _nodes(_schema(buffer, max_bytes)):
        content = node.get("content")
        version = content.get(_VERSION) if isinstance(content, dict) else None
        inner = content.get("content") if isinstance(content, dict) else None
        if version is None and isinstance(inner, dict):
            version = inner.get(_VERSION)
        if isinstance(version, dict) and isinstance(version.get("content"), str) and "__class__" in node:
            names = made_with.setdefault(json.loads(version["content"]), [])
            if node["__class__"] not in (*names, "dict"):
                names.append(str(node["__class__"]))
    return made_with


def load_skops(buffer: bytes, handed_out: HandedOut, max_bytes: int, *, any_class: bool) -> object:
    """The object in the file; raises ForbiddenGlobal for a class outside the list, unless `any_class`.

    Raises UnreadableArtifact without the library, and any exception of the library for a damaged file.
    """
    try:
        import skops.io
    except ImportError as error:
        raise UnreadableArtifact(
            "a .skops file is read by the library skops, which this environment does not have: "
            "make one that has it (`changeover environment add NAME ... skops`), or publish what joblib.dump wrote"
        ) from error
    named = classes_in(buffer, max_bytes)
    trusted = skops.io.get_untrusted_types(data=buffer)
    if not any_class:
        for module, name in (*named, *(tuple(dotted.rsplit(".", 1)) for dotted in trusted)):
            dotted = f"{module}.{name}"
            if module in _OF_SKOPS and dotted in trusted:
                raise ForbiddenGlobal(dotted)
            if module not in _OF_SKOPS and dotted not in _GENERATORS:
                handed_out.resolve(module, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other versions: the manifest has them
        return skops.io.loads(buffer, trusted=trusted)


def _schema(buffer: bytes, max_bytes: int) -> Any:
    with zipfile.ZipFile(io.BytesIO(buffer)) as archive:
        members = archive.infolist()
        size = sum(member.file_size for member in members)
        schema = sum(member.file_size for member in members if member.filename == _SCHEMA)
        if size > max_bytes or schema > _MOST_SCHEMA:
            raise UnreadableArtifact(f"the .skops file unpacks to {size} bytes, over the cap on its size")
        return json.loads(archive.read(_SCHEMA))


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _classes(schema: Any) -> Iterator[tuple[str, str]]:
    for node in _nodes(schema):
        module, name = node.get("__module__"), node.get("__class__")
        if isinstance(module, str) and isinstance(name, str):
            yield module, name
