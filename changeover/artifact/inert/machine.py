"""The inert pickle machine: one step for each opcode, on a stack of plain values, names and records."""

import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from changeover.artifact.allowed_globals import canonical
from changeover.artifact.inert.array_bytes import bytes_of_array, is_of_objects
from changeover.artifact.inert.record import Global, Record, called
from changeover.exceptions import UnreadableArtifact

MOST_STEPS: Final = 20_000_000  # opcodes; a vocabulary of a million words takes about five million
MOST_GLOBALS: Final = 5_000
MOST_VERSIONS: Final = 100
DEEPEST: Final = 50  # arrays of objects in one another
LONGEST_NAME: Final = 300
_LONGEST_KEPT: Final = 4_096  # longer strings and bytes are dropped as soon as they are read
_CHUNK: Final = 1 << 20
_ARRAY_IN_FILE: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
_VERSION: Final = "_sklearn_version"
_A_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+]{0,39}")


class Stream:
    """The unpacked bytes. It has no `tell`, which `pickletools` would call for each opcode."""

    def __init__(self, inner: BinaryIO) -> None:
        self.read, self.readline = inner.read, inner.readline

    def skip(self, count: int) -> None:
        """Pass over `count` bytes; raises EOFError if they are not there."""
        while count > 0:
            length = len(self.read(min(count, _CHUNK)))
            if not length:
                raise EOFError("the bytes of an array are missing")
            count -= length


@dataclass
class Notes:
    """The notes of one survey, shared with the pickles inside arrays of objects."""

    globals: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    protocol: int = 0
    steps: int = 0

    def step(self) -> None:
        """Count an opcode."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise UnreadableArtifact(f"the artifact takes more than {MOST_STEPS} steps to read")

    def named(self, module: str, name: str) -> Global:
        """The global `module.name` by its current name."""
        dotted = f"{canonical(module)}.{name}"[:LONGEST_NAME]
        if dotted not in self.globals and len(self.globals) >= MOST_GLOBALS:
            raise UnreadableArtifact(f"the artifact names more than {MOST_GLOBALS} classes and functions")
        self.globals.add(dotted)
        return Global(dotted)

    def version_of(self, made: Record) -> None:
        """Note the version of scikit-learn in an estimator's state."""
        version = made.attribute(_VERSION)
        plain = isinstance(version, str) and _A_VERSION.fullmatch(version)  # it becomes a part of a command to type
        if plain and len(self.versions) < MOST_VERSIONS:
            self.versions.add(version)


class Machine:
    """The reader of one pickle; `result` is its outermost object, also if the pickle breaks off."""

    def __init__(self, stream: Stream, notes: Notes, depth: int = 0) -> None:
        self.stream, self.notes, self.depth = stream, notes, depth
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under the marks
        self.memo: dict[int, Any] = {}

    @property
    def result(self) -> Any:
        """The bottom of the stack, or None."""
        for stack in (*self.below, self.stack):
            if stack:
                return stack[0]
        return None

    def run(self) -> Any:
        """Read to the end of the pickle."""
        stream: Any = self.stream
        for opcode, argument, _position in pickletools.genops(stream):
            self.notes.step()
            step = _STEPS.get(opcode.name)
            if step is None:
                raise UnreadableArtifact(f"the artifact uses the opcode {opcode.name}, which no pickle here has")
            step(self, argument)
        return self.result

    def since_mark(self) -> list[Any]:
        """Take the objects above the newest mark."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def take(self, count: int) -> list[Any]:
        """Take the topmost objects, the lowest of them first."""
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def push(self, value: Any) -> None:
        """Put a value on the stack; a long string or bytes by its type alone."""
        long = isinstance(value, str | bytes | bytearray) and len(value) > _LONGEST_KEPT
        self.stack.append(Record(f"builtins.{type(value).__name__}") if long else value)


def _mark(machine: Machine, _argument: object) -> None:
    machine.below.append(machine.stack)
    machine.stack = []


def _pop(machine: Machine, _argument: object) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.since_mark()


def _put(machine: Machine, index: int) -> None:
    machine.memo[int(index)] = machine.stack[-1]


def _memoize(machine: Machine, _argument: object) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _protocol(machine: Machine, number: int) -> None:
    machine.notes.protocol = max(machine.notes.protocol, number)


def _name(machine: Machine, argument: str) -> Global:
    module, _, name = argument.partition(" ")
    return machine.notes.named(module, name)


def _stack_name(machine: Machine, _argument: object) -> None:
    module, name = machine.take(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise UnreadableArtifact("the artifact is damaged or forged: a class without a name")
    machine.push(machine.notes.named(module, name))


def _call(machine: Machine, function: object, arguments: object) -> None:
    machine.push(called(function, list(arguments.items) if isinstance(arguments, Record) else []))


def _object(machine: Machine, _argument: object) -> None:
    kind, *arguments = machine.since_mark()
    machine.push(called(kind, arguments))


def _build(machine: Machine, _argument: object) -> None:
    """Keep the state of an object; after joblib's note of an array, pass over the array."""
    made, state = machine.take(2)
    if isinstance(made, Record):
        made.state = state
        machine.notes.version_of(made)
        if made.kind == _ARRAY_IN_FILE:
            made = _array(machine, made)
    machine.push(made)


def _array(machine: Machine, note: Record) -> Record:
    dtype = note.attribute("dtype")
    array = Record("numpy.ndarray", state=note.state)
    if is_of_objects(dtype):
        if machine.depth >= DEEPEST:
            raise UnreadableArtifact(f"the artifact has more than {DEEPEST} arrays of objects in one another")
        array.items = [Machine(machine.stream, machine.notes, machine.depth + 1).run()]
        return array
    if note.attribute("numpy_array_alignment_bytes") is not None:
        machine.stream.skip(int.from_bytes(machine.stream.read(1), "little"))
    machine.stream.skip(bytes_of_array(dtype, note.attribute("shape")))
    return array


def _add(machine: Machine, items: list[Any]) -> None:
    if isinstance(machine.stack[-1], Record):
        machine.stack[-1].items += items


def _set(machine: Machine, items: list[Any]) -> None:
    if isinstance(machine.stack[-1], Record):
        machine.stack[-1].pairs += zip(items[::2], items[1::2], strict=False)


def _dict(items: list[Any]) -> Record:
    return Record("builtins.dict", pairs=list(zip(items[::2], items[1::2], strict=False)))


_Step = Callable[[Machine, Any], object]
_PERSISTENT: Final = "a persistent identifier"

_STEPS: Final[dict[str, _Step]] = {
    "PROTO": _protocol,
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": lambda machine, _: machine.since_mark(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    "MEMOIZE": _memoize,
    "GLOBAL": lambda machine, argument: machine.push(_name(machine, argument)),
    "STACK_GLOBAL": _stack_name,
    "REDUCE": lambda machine, _: _call(machine, *machine.take(2)),
    "NEWOBJ": lambda machine, _: _call(machine, *machine.take(2)),
    "NEWOBJ_EX": lambda machine, _: _call(machine, *machine.take(3)[:2]),
    "INST": lambda machine, argument: machine.push(called(_name(machine, argument), machine.since_mark())),
    "OBJ": _object,
    "BUILD": _build,
    "PERSID": lambda machine, _: machine.push(Record(_PERSISTENT)),
    "BINPERSID": lambda machine, _: machine.push(Record(_PERSISTENT, machine.take(1))),
    "NEXT_BUFFER": lambda machine, _: machine.push(Record("builtins.bytes")),
    "LIST": lambda machine, _: machine.push(Record("builtins.list", machine.since_mark())),
    "TUPLE": lambda machine, _: machine.push(Record("builtins.tuple", machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.push(Record("builtins.tuple", machine.take(1))),
    "TUPLE2": lambda machine, _: machine.push(Record("builtins.tuple", machine.take(2))),
    "TUPLE3": lambda machine, _: machine.push(Record("builtins.tuple", machine.take(3))),
    "FROZENSET": lambda machine, _: machine.push(Record("builtins.frozenset", machine.since_mark())),
    "DICT": lambda machine, _: machine.push(_dict(machine.since_mark())),
    "APPEND": lambda machine, _: _add(machine, machine.take(1)),
    "APPENDS": lambda machine, _: _add(machine, machine.since_mark()),
    "ADDITEMS": lambda machine, _: _add(machine, machine.since_mark()),
    "SETITEM": lambda machine, _: _set(machine, machine.take(2)),
    "SETITEMS": lambda machine, _: _set(machine, machine.since_mark()),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
}
_STEPS.update(dict.fromkeys(("FRAME", "READONLY_BUFFER", "STOP"), lambda _machine, _argument: None))
_STEPS.update(dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put))
_STEPS.update(
    dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, index: machine.push(machine.memo[int(index)]))
)
_STEPS.update(
    dict.fromkeys(
        ("EXT1", "EXT2", "EXT4"),
        lambda machine, code: machine.push(machine.notes.named("copyreg", f"extension_{code}")),
    )
)
_STEPS.update(
    {
        f"EMPTY_{kind.upper()}": lambda machine, _, kind=kind: machine.push(Record(f"builtins.{kind}"))  # type: ignore[misc]
        for kind in ("list", "tuple", "dict", "set")
    }
)
_STEPS.update(
    dict.fromkeys(
        """INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE
        BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8""".split(),  # noqa: SIM905
        lambda machine, value: machine.push(value),
    )
)
