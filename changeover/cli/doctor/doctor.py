"""`changeover doctor`: checks the whole stack and names each problem with its next step."""

from pathlib import Path

import click

from changeover import stack as stacks
from changeover.cli.command import Verb, stack_options
from changeover.cli.doctor.finding import Finding
from changeover.cli.doctor.machine import check_disk, check_ports, check_processes, check_up_file
from changeover.cli.doctor.services import check_agreement, check_predict, check_server, check_store, check_token
from changeover.cli.output import answer
from changeover.exceptions import StackNotFound


@click.command(cls=Verb)
@stack_options
def doctor(as_json: bool, home: Path | None, server_url: str | None) -> None:
    """Check the whole stack; exit code 0 only if no problem is found."""
    findings = examine(home, server_url)
    wrong = [finding for finding in findings if not finding.ok]
    lines = []
    for finding in findings:
        lines.append(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.name}: {finding.detail}")
        if not finding.ok and finding.next_step:
            lines.append(f"       next: {finding.next_step}")
    lines.append("nothing is wrong" if not wrong else f"{len(wrong)} of {len(findings)} checks found something wrong")
    body = {"ok": not wrong, "checks": [finding.to_json() for finding in findings]}
    answer(body, lines, as_json)
    if wrong:
        raise click.exceptions.Exit(1)


def examine(home: Path | None, server_url: str | None) -> list[Finding]:
    """Run every check; a failed one often explains the next."""
    try:
        stack = stacks.find(home, server_url)
    except StackNotFound as error:
        return [Finding("stack", False, str(error), "changeover up")]
    folder = home or Path(stacks.HOME)
    findings: list[Finding] = []
    if stack.pids is not None:
        findings += [*check_up_file(folder), *check_processes(stack.pids), *check_ports(stack), *check_disk(folder)]
    if stack.store_url:
        findings.append(check_store(stack))
    return [*findings, *check_server(stack), *check_predict(stack), check_token(stack), *check_agreement(stack)]
