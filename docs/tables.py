"""Generated parts of the documents: settings, command line and transitions of a rollout; `make docs` writes them.

Each part is between two comments, `<!-- settings -->` and `<!-- end of settings -->`. `tests/test_docs.py` fails if a
part differs from the output of this file.
"""

import importlib
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from msgspec.structs import replace
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PROTOCOL = ROOT / "docs" / "protocol.md"
PACKAGES = ("object_store", "model_server", "predict_api", "model_runner", "changeover")


def settings_classes() -> list[type[BaseModel]]:
    """Every settings class of our packages, in the order of the packages."""
    found = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for name in re.findall(r"^class (\w+)\(\w*Settings\):", file.read_text(encoding="utf-8"), re.MULTILINE):
                module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                found.append(getattr(importlib.import_module(module), name))
    return [cls for cls in found if not cls.__module__.startswith("changeover.process.")]


def kind(annotation: Any) -> str:
    """A type for readers: `int`, `text`, `secret`, `path`, or the values of a Literal."""
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(annotation))
    options = [one for one in get_args(annotation) if one is not types.NoneType]
    if options and get_origin(annotation) is not None:
        return kind(options[0])
    names = {str: "text", int: "int", float: "number", bool: "true or false", SecretStr: "secret", Path: "path"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def default_text(field: FieldInfo) -> str:
    """A default as the environment variable would have it."""
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def setting_rows() -> dict[str, dict[str, tuple[str, str, str]]]:
    """NAME -> package -> (type, default, text)."""
    rows: dict[str, dict[str, tuple[str, str, str]]] = {}
    for cls in settings_classes():
        for name, field in cls.model_fields.items():
            text = (field.description or "").strip().rstrip(".")
            entry = (kind(field.annotation), default_text(field), text[:1].lower() + text[1:])
            rows.setdefault(name.upper(), {})[cls.__module__.split(".")[0]] = entry
    return rows


def settings_table() -> str:
    """One row a variable; a variable of two services has one row."""
    readers = {
        "object_store": "model_server",
        "changeover": "command line",
    }  # the store's adapter has no process: model_server reads its settings
    lines = ["| variable | type | default | read by | meaning |", "|---|---|---|---|---|"]
    for name, by_package in setting_rows().items():
        what, value, text = next(iter(by_package.values()))
        readers_of = ", ".join(dict.fromkeys(readers.get(package, package) for package in by_package))
        lines.append(f"| `{name}` | {what} | {value} | {readers_of} | {text} |")
    return "\n".join(lines)


def verbs() -> dict[str, click.Command]:
    """Every verb of the command line."""
    main = importlib.import_module("changeover.cli.main")
    return dict(_commands(main.main, ""))


def _commands(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    """The commands of a group, and those of the groups in it: `environment add`."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
        elif not command.hidden:
            yield before + name, command


def verbs_table() -> str:
    """One row a verb: its arguments, its effect and its options."""
    lines = ["| verb | what it does | options |", "|---|---|---|"]
    for name, command in verbs().items():
        arguments = [
            one.make_metavar(click.Context(command)) for one in command.params if one.param_type_name == "argument"
        ]
        options = [f"`{max(one.opts, key=len)}`" for one in command.params if one.param_type_name == "option"]
        text = (command.help or "").strip().split("\n\n")[0].replace("\n", " ").rstrip(".")
        lines.append(f"| `{' '.join([name, *arguments]).replace('|', chr(92) + '|')}` | {text} | {' '.join(options)} |")
    return "\n".join(lines)


def transitions() -> list[tuple[str, str, str, list[str]]]:
    """Every transition of a rollout: state, event and its case, next state, actions; computed by taking each one."""
    machine = importlib.import_module("model_server.rollouts.rollout")
    wire = importlib.import_module("changeover.protocol.wire")
    current = wire.Current(2, "b" * 64)
    record = importlib.import_module("model_server.ledger.record")
    rollout = record.Rollout(id="id", model="loan", sequence=2, version=current.version, rolled_at="now", deadline=60.0)
    _, actions = machine.begin(rollout)
    found = [("[*]", "begin", str(rollout.state), [type(one).__name__ for one in actions])]
    none: frozenset[str] = frozenset()
    one = frozenset({"replica"})
    cases: dict[type, list[tuple[str, Any, float]]] = {
        machine.FleetLooked: [
            (", all ready", machine.FleetLooked(one, none, {}), 0.0),
            (", one pending", machine.FleetLooked(none, one, {}), 0.0),
            (", one pending at the deadline", machine.FleetLooked(none, one, {}), 60.0),
            (", one failed", machine.FleetLooked(none, none, {"replica": "why"}), 0.0),
        ],
        machine.Rehearsed: [
            (", passed", machine.Rehearsed(True, "fine", 60.0), 0.0),
            (", not passed", machine.Rehearsed(False, "why", 60.0), 0.0),
        ],
        machine.LedgerTaken: [("", machine.LedgerTaken(current), 0.0)],
        machine.LedgerFailed: [("", machine.LedgerFailed("why"), 0.0)],
    }
    for state, event in machine.TRANSITIONS:
        for case, example, moment in cases.get(event) or [("", event(), 0.0)]:
            after, actions = machine.step(replace(rollout, state=state), example, moment)
            found.append((str(state), event.__name__ + case, str(after.state), [type(one).__name__ for one in actions]))
    return found


def transitions_diagram() -> str:
    """The transitions as a Mermaid diagram."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for before, event, after, actions in transitions():
        lines.append(f"    {before} --> {after} : {event}<br/>{', '.join(actions) or 'nothing to do'}")
    ends = {after for _, _, after, _ in transitions()} - {before for before, _, _, _ in transitions()}
    lines += [f"    {state} --> [*]" for state in sorted(ends)]
    return "\n".join([*lines, "```"])


def rewritten(text: str) -> str:
    """The document with each part between its two comments replaced."""
    for name, part in (TABLES | DIAGRAMS).items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if start in text:
            before, rest = text.split(start, 1)
            text = f"{before}{start}{part()}\n{end}{rest.split(end, 1)[1]}"
    return text


TABLES = {"settings": settings_table, "verbs": verbs_table}
DIAGRAMS = {"transitions": transitions_diagram}

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for document in (README, PROTOCOL):
        document.write_text(rewritten(document.read_text(encoding="utf-8")), encoding="utf-8")
