"""The survey of an artifact: the names, versions and outline in a joblib or pickle file, read without running it.

It imports, calls and creates nothing that the file names: every global becomes its dotted name, every call, object and
state a record. Raw array bytes are skipped by shape and dtype. So it needs none of the artifact's libraries, and runs
before an environment is chosen. Steps, depth, names and kept bytes are bounded.
"""

from dataclasses import dataclass, field
from typing import Final

from changeover.artifact.compression import opened
from changeover.artifact.inert.machine import LONGEST_NAME, Machine, Notes, Stream
from changeover.artifact.outline import Outline, outline_of
from changeover.exceptions import UnreadableArtifact

# globals of code that the file carries itself, and of code that stays behind in a script or notebook
_CODE: Final = ("cloudpickle.", "dill.", "_dill.", "types.CodeType", "types.FunctionType", "__main__.")


@dataclass(frozen=True)
class Survey:
    """The facts of an artifact that its bytes alone give.

    `globals` are dotted names, sorted. `sklearn` are the versions of scikit-learn in the states of its estimators.
    `protocol` is the highest of its pickles, 0 or 1 read as 0. `top` outlines the outermost object. `incomplete` says
    why the file could not be read to its end, or is empty; the rest is what was read until then.
    """

    globals: tuple[str, ...] = ()
    sklearn: tuple[str, ...] = ()
    protocol: int = 0
    top: Outline = field(default_factory=Outline)
    incomplete: str = ""

    @property
    def roots(self) -> tuple[str, ...]:
        """The top-level packages of `globals`, sorted."""
        return tuple(sorted({name.partition(".")[0] for name in self.globals}))

    @property
    def code(self) -> tuple[str, ...]:
        """The globals that show code carried by value, or code defined in a script or notebook (`__main__`)."""
        return tuple(name for name in self.globals if name.startswith(_CODE))


def survey(buffer: bytes, max_bytes: int) -> Survey:
    """Read the names in a joblib or pickle file, compressed or not, which unpacks to at most `max_bytes`.

    Raises UnreadableArtifact for bytes that are no such file.
    """
    notes = Notes()
    machine = Machine(Stream(opened(buffer, max_bytes)), notes)
    incomplete = ""
    try:
        machine.run()
    except UnreadableArtifact as error:
        incomplete = str(error)
    except (ValueError, LookupError, EOFError, OverflowError, MemoryError) as error:
        incomplete = f"the artifact is damaged: {type(error).__name__}: {error}"[:LONGEST_NAME]
    return Survey(
        globals=tuple(sorted(notes.globals)),
        sklearn=tuple(sorted(notes.versions)),
        protocol=notes.protocol,
        top=outline_of(machine.result),
        incomplete=incomplete,
    )
