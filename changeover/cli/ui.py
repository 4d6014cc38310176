"""`changeover ui`: prints a link that logs a browser in to the console, once."""

from pathlib import Path

import click

from changeover.cli.command import Verb, stack_options
from changeover.cli.output import answer, say


@click.command(cls=Verb)
@stack_options
def ui(home: Path | None, server_url: str | None, as_json: bool) -> None:
    """Print a link to the console of a running stack. It logs in once, with the name and role of your token."""
    from changeover.client.client import Client

    link = Client(server_url, home=home).login_link()
    if not as_json:
        say(f"for {link['by']}, once, within {int(str(link['seconds'])) // 60} minutes:", err=True)
    answer(link, str(link["url"]), as_json)
