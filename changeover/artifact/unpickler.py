"""The allow-list unpickler: from a buffer with a verified hash to an estimator.

joblib's unpickler reads the format. Every opcode that could run code is replaced. A global is looked up by its exact
module and name, on the list only. Only listed globals are created or called. State is set through the class, never
through attributes that the artifact put on an object. `SECURITY.md` describes the trust model.
"""

import functools
import pickle
import sys
import types
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, NoReturn

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from changeover.artifact import stand_ins, texts
from changeover.artifact.allowed_globals import Kind
from changeover.artifact.global_lookup import HandedOut
from changeover.artifact.state import while_loading
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact

_VERSION: Final = "_sklearn_version"
_UNCHANGEABLE: Final = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    np.ufunc,
)


@dataclass(frozen=True)
class Session:
    """One load, shared with the unpicklers of the object arrays inside it."""

    handed_out: HandedOut
    max_bytes: int
    made_with: dict[str, list[str]]  # version of scikit-learn -> names of classes

    def note_version(self, inst: object, state: object) -> None:
        """Note the scikit-learn version in an estimator's state, in place of scikit-learn's own warning."""
        if not isinstance(state, dict) or not isinstance(state.get(_VERSION), str):
            return
        names = self.made_with.setdefault(state[_VERSION], [])
        if type(inst).__name__ not in names:
            names.append(type(inst).__name__)
        state[_VERSION] = _installed()

    def versions(self) -> dict[str, str]:
        """The version of scikit-learn in the artifact: one that is not installed here, if it names several."""
        versions = sorted(self.made_with, key=lambda version: (version == _installed(), version))
        return {"scikit-learn": versions[0]} if versions else {}

    def warnings(self) -> list[str]:
        """A sentence for each version of scikit-learn that is not the installed one."""
        return [
            f"{', '.join(names)}: made with scikit-learn {version}, read by {_installed()}; answers may differ"
            for version, names in sorted(self.made_with.items())
            if version != _installed()
        ]


def _installed() -> str:
    return str(getattr(sys.modules.get("sklearn"), "__version__", ""))


class Artifact(NumpyUnpickler):  # type: ignore[misc]
    """joblib's unpickler; every opcode that looks up, calls, creates or sets state is replaced."""

    dispatch: dict[int, Callable[["Artifact"], None]] = NumpyUnpickler.dispatch.copy()

    def __init__(self, stream: BinaryIO, session: Session) -> None:
        super().__init__("", stream, ensure_native_byte_order=True)
        self.session = session

    def find_class(self, module: str, name: str) -> object:
        """The listed global of exactly this name."""
        return self.session.handed_out.resolve(module, name)

    def load_reduce(self) -> None:
        """Call a listed function with the artifact's arguments."""
        arguments = self.stack.pop()
        function = self.stack[-1]
        self.session.handed_out.check(function, "a call of", Kind.CALL)
        while_loading.check_arguments(function, arguments)
        self.stack[-1] = function(*arguments)

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self) -> None:
        """Create an object of a listed class without running its constructor."""
        arguments = self.stack.pop()
        self._create(self.stack.pop(), arguments, {})

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_newobj_ex(self) -> None:
        """The same with named arguments."""
        named = self.stack.pop()
        arguments = self.stack.pop()
        self._create(self.stack.pop(), arguments, named)

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def _create(self, kind: Any, arguments: tuple[object, ...], named: dict[str, object]) -> None:
        self.session.handed_out.check(kind, "an object of", Kind.CREATE, Kind.CALL)
        while_loading.check_arguments(kind, arguments)
        self.append(kind.__new__(kind, *arguments, **named))

    def load_build(self) -> None:
        """Set the state of the newest object."""
        state = self.stack.pop()
        inst = self.stack[-1]
        if isinstance(inst, np.dtype):
            stand_ins.set_dtype_state(inst, state)
        elif isinstance(inst, np.ndarray):
            stand_ins.set_array_state(inst, state)
        elif isinstance(inst, functools.partial):
            stand_ins.set_partial_state(inst, state)
        elif texts.is_of_texts(inst, state):
            texts.set_state(inst, state)
        else:
            self._set_state(inst, state)
            if isinstance(inst, NumpyArrayWrapper):
                self.stack[-1] = inst.read(self, self.ensure_native_byte_order)

    dispatch[pickle.BUILD[0]] = load_build

    def _set_state(self, inst: object, state: Any) -> None:
        if inst in self.session.handed_out or isinstance(inst, _UNCHANGEABLE):
            raise ForbiddenGlobal(f"a change of {getattr(inst, '__name__', type(inst).__name__)}")
        self.session.note_version(inst, state)
        if isinstance(inst, NumpyArrayWrapper):
            while_loading.check_array_in_file(state)
        if not self.session.handed_out.trusted_class(type(inst)):
            while_loading.check_state(inst, state)
        attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        set_state = getattr(type(inst), "__setstate__", None)
        if set_state is not None:
            set_state(inst, state)
        else:
            if attributes:
                inst.__dict__.update(attributes)
            for name, value in (slots or {}).items():
                object.__setattr__(inst, name, value)
        reads = getattr(inst, "__dict__", {}).get("input", "content")
        if type(inst).__module__ == "sklearn.feature_extraction.text" and reads != "content":
            raise ForbiddenGlobal(f"{type(inst).__name__}(input={reads!r}), which opens files that a request names")

    # Items go into real containers only: an object's own `append` is an attribute that the artifact may have set.

    def load_append(self) -> None:
        """Put an item into a list."""
        self._fill(self.stack[-2], list, deque)
        super().load_append()

    def load_appends(self) -> None:
        """Put items into a list."""
        self._fill(self.metastack[-1][-1], list, deque)
        super().load_appends()

    def load_additems(self) -> None:
        """Put items into a set."""
        self._fill(self.metastack[-1][-1], set)
        super().load_additems()

    def load_setitem(self) -> None:
        """Put an item into a dict."""
        self._fill(self.stack[-3], dict)
        while_loading.check_items(self.stack[-3], self.stack[-2:-1])
        super().load_setitem()

    def load_setitems(self) -> None:
        """Put items into a dict."""
        self._fill(self.metastack[-1][-1], dict)
        while_loading.check_items(self.metastack[-1][-1], self.stack[::2])
        super().load_setitems()

    def _fill(self, container: object, *kinds: type) -> None:
        if not isinstance(container, kinds):
            raise UnreadableArtifact(f"the artifact is damaged or forged: items for a {type(container).__name__}")

    dispatch[pickle.APPEND[0]] = load_append
    dispatch[pickle.APPENDS[0]] = load_appends
    dispatch[pickle.ADDITEMS[0]] = load_additems
    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems

    def _refuse_opcode(self) -> NoReturn:
        raise UnreadableArtifact("the artifact uses an opcode that no pickle of Python 3 has: it is damaged or forged")

    for _opcode in (pickle.INST, pickle.OBJ, pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.PERSID, pickle.BINPERSID):
        dispatch[_opcode[0]] = _refuse_opcode
    del _opcode

    def load_bytearray8(self) -> None:
        """Read a bytearray without trusting its announced length."""
        (length,) = (int.from_bytes(self.read(8), "little"),)
        content = self.read(length)
        if len(content) != length:
            raise EOFError(f"{length} bytes were announced")
        self.append(bytearray(content))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


class ArtifactWithCode(NumpyUnpickler):  # type: ignore[misc]
    """joblib's unpickler as it is, for environments that admit code; it notes the versions of scikit-learn.

    Where pyarrow is not installed, texts in its memory are read as the list of allowed globals would read them.
    """

    dispatch: dict[int, Callable[["ArtifactWithCode"], None]] = NumpyUnpickler.dispatch.copy()

    def __init__(self, stream: BinaryIO, session: Session) -> None:
        super().__init__("", stream, ensure_native_byte_order=True)
        self.session = session

    def find_class(self, module: str, name: str) -> object:
        """The global of this name."""
        return texts.without_pyarrow(module, name) or super().find_class(module, name)

    def load_build(self) -> None:
        """Set the state of the newest object."""
        inst, state = self.stack[-2:]
        self.session.note_version(inst, state)
        if texts.is_of_texts(inst, state):
            texts.set_state(inst, self.stack.pop())
        else:
            super().load_build()

    dispatch[pickle.BUILD[0]] = load_build


class ArrayInFile(NumpyArrayWrapper):  # type: ignore[misc]
    """joblib's note that an array's bytes follow in the file; its shape and dtype are checked."""

    dtype: np.dtype[Any]

    def read_array(self, unpickler: Artifact, ensure_native_byte_order: bool) -> object:
        """Read the array; an array of objects is read by the same rules as the whole artifact."""
        self.dtype = stand_ins.rebuilt(self.dtype)
        if not isinstance(self.shape, tuple) or not all(type(size) is int and size >= 0 for size in self.shape):
            raise UnreadableArtifact("the artifact is damaged or forged: an array without a shape")
        if self.dtype.hasobject:
            array = Artifact(unpickler.file_handle, unpickler.session).load()
            if not isinstance(array, np.ndarray):
                raise UnreadableArtifact("the artifact is damaged or forged: no array where one was announced")
            return array
        size = self.dtype.itemsize
        for length in self.shape:
            size *= length
        if size > unpickler.session.max_bytes:
            raise UnreadableArtifact(f"the artifact announces an array of {size} bytes, over the cap on its size")
        return super().read_array(unpickler, ensure_native_byte_order)
