"""`changeover check-history`: checks a recorded history of a deployment against the guarantees."""

from collections import Counter
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from changeover.cli.command import Verb, json_option
from changeover.cli.output import answer, table
from changeover.json_types import JsonObject

if TYPE_CHECKING:
    from changeover.consistency.violation import Violation

_SHOWN: Final = 20


@click.command("check-history", cls=Verb)
@click.argument("file", type=click.File("rb"))
@click.option(
    "--converge-within",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Seconds after the last fault until every replica serves the last version again.",
)
@json_option
def check_history(file: BinaryIO, converge_within: float, as_json: bool) -> None:
    """Check the recorded history in FILE (JSON lines, - for standard input); exit code 1 on a violation."""
    from changeover.consistency.check import check
    from changeover.consistency.counts import count
    from changeover.consistency.records import MalformedHistory, read

    try:
        history = read(file)
    except MalformedHistory as error:
        raise MalformedHistory(f"{file.name}, {error}") from None
    if not any(history.records()):
        raise MalformedHistory(f"{file.name} holds no record: there is nothing to judge")
    counts = count(history)
    violations = check(history, converge_within)
    lines = [*_columns([*counts.rows(), ["violations", str(len(violations))]]), *_violation_lines(violations)]
    if not history.finals:
        lines.append("no final state was recorded: durability and convergence were not judged")
    broken_promises: list[JsonObject] = [
        {"promise": str(violation.promise), "message": violation.message, "at": violation.at}
        for violation in violations
    ]
    answer({"ok": not violations, "counts": counts.to_json(), "violations": broken_promises}, lines, as_json)
    if violations:
        raise click.exceptions.Exit(1)


def _violation_lines(violations: "list[Violation]") -> list[str]:
    if not violations:
        return ["no promise was broken"]
    broken = Counter(str(violation.promise) for violation in violations)
    lines = _columns([[f"  {name}", str(times)] for name, times in broken.most_common()])
    lines += [f"at {violation.at:.6f} s, {violation.promise}: {violation.message}" for violation in violations[:_SHOWN]]
    if len(violations) > _SHOWN:
        lines.append(f"... and {len(violations) - _SHOWN} more; --json lists all")
    return lines


def _columns(rows: list[list[str]]) -> list[str]:
    return table(rows[0], rows[1:])
