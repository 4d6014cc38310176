"""The loading of an artifact: from verified bytes to an estimator."""

import pickle
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from changeover.artifact import frame_output
from changeover.artifact.allowed_globals import FILE, allowed
from changeover.artifact.compression import opened
from changeover.artifact.file_kind import looks_like
from changeover.artifact.global_lookup import HandedOut
from changeover.artifact.load_rules import LoadRules
from changeover.artifact.skops_file import is_skops, load_skops, versions_in
from changeover.artifact.state import walk
from changeover.artifact.unpickler import ArrayInFile, Artifact, ArtifactWithCode, Session
from changeover.exceptions import ChangeoverError, UnreadableArtifact

MAX_BYTES: Final = 4 * 1024**3
_LIST_ONLY: Final = LoadRules()


@dataclass(frozen=True)
class LoadedArtifact:
    """The result of a load: the object, warnings for people, and the library versions that the artifact names."""

    estimator: object
    warnings: list[str]
    versions: dict[str, str]


def read_list(rules: LoadRules) -> None:
    """Read the list of allowed globals into memory, for later loads in a process that can no longer open it."""
    allowed(rules.allowed_globals_file or FILE)


def load_model(buffer: bytes, extra_globals: Collection[str] = (), max_bytes: int = MAX_BYTES) -> object:
    """The object in the joblib or pickle file `buffer`; errors are those of `load`."""
    return load(buffer, extra_globals, max_bytes).estimator


def load(buffer: bytes, rules: LoadRules | Collection[str] = _LIST_ONLY, max_bytes: int = MAX_BYTES) -> LoadedArtifact:
    """Read a joblib, pickle or skops file from memory, compressed or not, by the list of allowed globals.

    The loaded object is checked before it is returned (`changeover/artifact/state/`). `rules` may be the names of
    `LoadRules.extra_globals` alone. `max_bytes` caps the unpacked size. Raises ForbiddenGlobal for a global outside the
    list, UnsafeState for state that would do harm, and UnreadableArtifact for every other failure.
    """
    rules = rules if isinstance(rules, LoadRules) else LoadRules(extra_globals=rules)
    session = Session(HandedOut(rules, _OURS), max_bytes, {})
    stream = None if is_skops(buffer) else opened(bytes(buffer), max_bytes)
    try:
        if stream is None:
            session.made_with.update(versions_in(buffer, max_bytes))
            estimator = load_skops(buffer, session.handed_out, max_bytes, any_class=rules.allow_code)
            if not rules.allow_code:
                walk.check_state(estimator, session.handed_out)
        elif rules.allow_code:
            estimator = ArtifactWithCode(stream, session).load()
        else:
            estimator = Artifact(stream, session).load()
            walk.check_state(estimator, session.handed_out)
    except ChangeoverError:
        raise
    except Exception as error:  # constructors and __setstate__ raise anything for hostile arguments
        raise UnreadableArtifact(_why(bytes(buffer), error)) from error
    frame_output.restore(estimator)
    return LoadedArtifact(estimator, session.warnings(), session.versions())


def _why(buffer: bytes, error: Exception) -> str:
    look = looks_like(buffer)
    if look is not None:
        return f"the bytes are no joblib or pickle file; they look like {look}"
    message = str(error) or type(error).__name__
    if isinstance(error, EOFError) or "truncated" in message or message.startswith(("EOF", "pickle exhausted")):
        return f"the artifact is cut off: its {len(buffer)} bytes end in the middle ({message}); upload it again"
    if isinstance(error, ValueError) and "unsupported pickle protocol" in message:
        return f"the artifact was made by a newer Python: {message}"
    if isinstance(error, MemoryError):
        return "the artifact needs more memory to load than it may use"
    if isinstance(error, KeyError | pickle.UnpicklingError) and not buffer.startswith(b"\x80"):
        return f"the bytes are no joblib or pickle file ({message}); publish what joblib.dump wrote"
    return f"the artifact cannot be loaded, it is damaged or made with other versions: {type(error).__name__}: {message[:300]}"


_OURS: Final[dict[tuple[str, str], object]] = {("joblib.numpy_pickle", "NumpyArrayWrapper"): ArrayInFile}
