"""`changeover demo`: the whole stack, and an example model that is published, rolled and asked."""

import json
from typing import Any

import click

from changeover.cli.command import Verb
from changeover.cli.up import up_options
from changeover.json_types import Json
from changeover.process.visible import dumps, visible


@click.command(cls=Verb)
@up_options
@click.pass_context
def demo(context: click.Context, /, as_json: bool, **options: Any) -> None:
    """Run everything as `up` does, train an example model, publish, roll and ask it; stays up until Ctrl-C.

    The models stay in the home folder: the next run serves what is current there.
    """
    from changeover.demo.run import run
    from changeover.up.supervisor import Options

    def say(text: str, answer: Json = None) -> None:
        if as_json:
            event: dict[str, Json] = {"event": text.strip()}
            click.echo(dumps(event if answer is None else {**event, "answer": answer}))
            return
        for line in [*text.split("\n"), *lines_of(answer)]:
            click.echo(visible(line))

    context.exit(run(Options(**options), say, as_json=as_json))


def lines_of(answer: Json) -> list[str]:
    """An answer of /predict for people: a line for each row of a batch, and one for what all rows share."""
    if answer is None:
        return []
    if isinstance(answer, dict) and isinstance(rows := answer.get("predictions"), list):
        shared: dict[str, Json] = {name: value for name, value in answer.items() if name != "predictions"}
        return [f"  {json.dumps(row)}" for row in [*rows, shared]]
    return [f"  {json.dumps(answer)}"]
