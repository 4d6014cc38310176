"""`changeover environment`: makes, lists and removes the environments in which models run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click

from changeover import stack
from changeover.cli.command import Verb, home_option, json_option, server_option
from changeover.cli.output import answer, say, table
from changeover.environments.environment import DEFAULT, Environment, read_environments
from changeover.environments.exceptions import EnvironmentInUse, InvalidEnvironment
from changeover.exceptions import ServiceUnreachable, StackNotFound
from changeover.process.service_settings import EnvironmentsDir
from changeover.process.settings import Settings

_SHOWN: Final = ("python", "scikit-learn", "numpy", "pandas")
_OTHERS: Final = 3  # models of an environment that a line of the table names


class EnvironmentSettings(Settings):
    """The folder of environments for the command line: in a container it is the one of the service."""

    environments_dir: EnvironmentsDir = None


def _options(function: Callable[..., None]) -> Callable[..., None]:
    """The options that locate the folder of environments, and `--json`."""
    directory = click.option(
        "--directory",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of environments.  [default: `environments` in --home, or ENVIRONMENTS_DIR]",
    )
    return json_option(home_option(directory(function)))


def _folder(home: Path | None, directory: Path | None) -> Path:
    if directory is not None:
        return directory
    configured = EnvironmentSettings.from_environment().environments_dir if home is None else None
    return configured or (home or Path(stack.HOME)) / "environments"


@click.group()
def environment() -> None:
    """Make, list and remove the environments that models run in, one for each set of library versions."""


@environment.command("add", cls=Verb)
@click.argument("name")
@click.argument("requirements", nargs=-1, metavar="REQUIREMENT...")
@click.option(
    *("--requirements-file", "-r"),
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a requirement on each line.",
)
@click.option("--python", metavar="PATH", help="Interpreter of the environment.  [default: this one]")
@click.option(
    "--allow-code", is_flag=True, help="Admit models that carry code (cloudpickle): their publishers may run any code."
)
@_options
def add(
    name: str,
    requirements: tuple[str, ...],
    requirements_file: Path | None,
    python: str | None,
    allow_code: bool,
    home: Path | None,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Make the environment NAME with the packages that models were made with, such as 'scikit-learn==1.4.2'.

    pip installs them, by its own configuration. Whatever a package that is named here defines, models may use.
    """
    from changeover.environments.making import make_environment
    from changeover.environments.requirements import read_file

    if requirements_file is not None:
        listed = read_file(requirements_file)
        requirements, allow_code = (*listed.requirements, *requirements), allow_code or listed.allow_code

    def progress(text: str) -> None:
        if not as_json:
            say(text, err=True)

    made = make_environment(
        _folder(home, directory), name, requirements, python=python, allow_code=allow_code, say=progress
    )
    packages = f"; models may use {', '.join(made.roots)}" if made.roots else ""
    answer(_body(made, None), f"{name} is ready: {_versions(made)}{packages}", as_json)


@environment.command("list", cls=Verb)
@server_option
@_options
def list_environments(server_url: str | None, home: Path | None, directory: Path | None, as_json: bool) -> None:
    """List the environments with their versions, and the models that use each."""
    environments = read_environments(_folder(home, directory))
    used = _used(server_url, home)
    body = {"environments": [_body(each, used) for each in environments.values()]}
    rows = [
        [
            each.name,
            *(each.versions.get(name, "-") for name in _SHOWN),
            " ".join([*each.roots, *(["code"] if each.allow_code else [])]) or "-",
            "?" if used is None else _few(used.get(each.name, [])),
        ]
        for each in environments.values()
    ]
    missing = {name: models for name, models in (used or {}).items() if name not in environments}
    lines = table(["NAME", *(name.upper() for name in _SHOWN), "PACKAGES", "MODELS"], rows)
    lines += [f"{name} is missing, and used by {_few(models)}" for name, models in sorted(missing.items())]
    answer(body | ({"missing": missing} if missing else {}), lines, as_json)


@environment.command("remove", cls=Verb)
@click.argument("name")
@click.option("--force", is_flag=True, help="Remove it even if a model uses it, or no server says which do.")
@server_option
@_options
def remove(
    name: str, force: bool, server_url: str | None, home: Path | None, directory: Path | None, as_json: bool
) -> None:
    """Remove the environment NAME, unless the current or the previous version of a model uses it."""
    from changeover.environments.making import remove_environment

    folder = _folder(home, directory)
    if name not in read_environments(folder) and name != DEFAULT:
        raise InvalidEnvironment(f"there is no environment {name!r} in {folder}; see `changeover environment list`")
    if not force and name != DEFAULT:
        used = _used(server_url, home)
        if used is None:
            raise EnvironmentInUse(
                f"no running stack is found here, so it is not known which models use {name!r}; start one, name it by "
                f"--server-url, or remove the environment with --force"
            )
        if used.get(name):
            raise EnvironmentInUse(
                f"{name!r} is used by {', '.join(used[name])}: roll other versions of them first (a model uses the "
                f"environments of its current and its previous version), or remove it with --force"
            )
    remove_environment(folder, name)
    answer({"removed": name}, f"{name} is removed", as_json)


def _used(server_url: str | None, home: Path | None) -> dict[str, list[str]] | None:
    """The models by environment, or None if no model_server can be asked."""
    from changeover.client.client import Client
    from changeover.environments.usage import models_by_environment

    try:
        return models_by_environment(Client(server_url, home=home))
    except (StackNotFound, ServiceUnreachable):
        return None


def _body(each: Environment, used: Mapping[str, list[str]] | None) -> dict[str, object]:
    body: dict[str, object] = {
        "name": each.name,
        "python": each.python,
        "versions": each.versions,
        "packages": list(each.roots),
        "allow_code": each.allow_code,
    }
    return body if used is None else body | {"models": used.get(each.name, [])}


def _versions(each: Environment) -> str:
    return ", ".join(f"{name} {each.versions[name]}" for name in _SHOWN if name in each.versions)


def _few(models: list[str]) -> str:
    if not models:
        return "-"
    more = len(models) - _OTHERS
    return " ".join(models[:_OTHERS]) + (f" and {more} more" if more > 0 else "")
