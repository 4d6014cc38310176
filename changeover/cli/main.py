"""`changeover`: the command line with its list of commands."""

import click

from changeover import __version__
from changeover.cli.abort import abort
from changeover.cli.check_history import check_history
from changeover.cli.command import Verbs
from changeover.cli.credentials import credentials
from changeover.cli.demo import demo
from changeover.cli.diff import diff
from changeover.cli.doctor.doctor import doctor
from changeover.cli.drift import drift
from changeover.cli.environment import environment
from changeover.cli.gc import gc
from changeover.cli.history import history
from changeover.cli.list import list_versions
from changeover.cli.predict import predict
from changeover.cli.push import push
from changeover.cli.restart import restart
from changeover.cli.roll import roll
from changeover.cli.rollback import rollback
from changeover.cli.schema import schema
from changeover.cli.score import score
from changeover.cli.show import show
from changeover.cli.token import token
from changeover.cli.ui import ui
from changeover.cli.up import up
from changeover.cli.verify import verify
from changeover.cli.watch import watch


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="changeover")
def main() -> None:
    """Publish scikit-learn models and change them without the audience noticing."""


for verb in (
    *(up, demo, restart, push, schema, list_versions, show, roll, rollback, abort, history, watch),
    *(drift, diff, verify, predict, score, gc, doctor, environment, token, ui, credentials, check_history),
):
    main.add_command(verb)

if __name__ == "__main__":
    main()
