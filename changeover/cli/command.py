"""The parts that every command shares: `--json`, `--home`, `--server-url`, and errors without a traceback."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from changeover.cli.output import fail
from changeover.exceptions import ChangeoverError, MissingPackage
from changeover.process.visible import dumps

Function = TypeVar("Function", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON only, for programs.")
home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that holds the state of `changeover up`.  [default: .changeover]",
)
server_option = click.option("--server-url", metavar="URL", help="Address of model_server, instead of --home.")
model_option = click.option("--model", "-m", metavar="MODEL", help="Model name.  [default: the server's default model]")


def stack_options(function: Function) -> Function:
    """The options that locate the stack, and `--json`."""
    return json_option(server_option(home_option(function)))


def client_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options that locate the stack, and `--json`; with `model_option` the command gets `client` and `name`."""

    @functools.wraps(function)
    def command(*, model: str | None, home: Path | None, server_url: str | None, **options: Any) -> None:
        from changeover.client.client import Client

        client = Client(server_url, home=home)
        function(client=client, name=model or client.default_model(), **options)

    return stack_options(command)


def rollout_options(function: Function) -> Function:
    """The options of commands that start a rollout: its reason, and the time to wait for its end."""
    why = click.option("--reason", default="", help="Reason, for the ledger.")
    wait = click.option(
        "--wait/--no-wait", default=True, show_default=True, help="Wait until the rollout is committed or aborted."
    )
    seconds = click.FloatRange(0, 600)
    timeout = click.option("--timeout", type=seconds, default=90.0, show_default=True, help="Seconds to wait.")
    return why(wait(timeout(function)))


def promotion_options(function: Function) -> Function:
    """The options that override the refusal of a roll."""
    schema = click.option(
        "--allow-schema-change", is_flag=True, help="Roll even if the new schema refuses requests that were valid."
    )
    gate = click.option("--skip-gate", is_flag=True, help="Roll even if the version fails the server's GATE.")
    return schema(gate(function))


class Verb(click.Command):
    """A command that prints its errors as one sentence, or as JSON with `--json`; exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and print its ChangeoverError."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package in {"", __package__.partition(".")[0]}:
                raise
            fail(MissingPackage(package), bool(ctx.params.get("as_json")))
            raise click.exceptions.Exit(1) from error
        except (ChangeoverError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            fail(error, bool(ctx.params.get("as_json")))
            raise click.exceptions.Exit(1) from error


class Verbs(click.Group):
    """The group of all commands; with `--json`, usage errors are JSON too; exit code 2."""

    command_class = Verb

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Click's `main`, with JSON for usage errors."""
        arguments = args[0] if args else kwargs.get("args")
        words = list(sys.argv[1:] if arguments is None else arguments)
        if "--json" not in words or not kwargs.get("standalone_mode", True):
            return super().main(*args, **kwargs)
        kwargs["standalone_mode"] = False
        code: object = 0
        try:
            code = super().main(*args, **kwargs)
        except click.ClickException as error:
            body = {"error": error.format_message(), "kind": type(error).__name__}
            click.echo(dumps(body), err=True)
            code = error.exit_code
        except click.Abort:
            code = 130
        return sys.exit(code if isinstance(code, int) else 0)
