"""`changeover schema`: prints the inferred schema of a model, for editing and `changeover push --schema`."""

from pathlib import Path

import click

from changeover.cli.command import Verb
from changeover.process.visible import dumps

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=Verb)
@click.argument("file", type=_A_FILE)
@click.option(
    "--example",
    type=_A_FILE,
    help="Raw training data, .csv or .parquet: types, ranges and missing values are read from it.",
)
@click.option(
    "--public",
    multiple=True,
    metavar="COLUMN",
    help="Let callers of predict_api see this column's categories and range; may be repeated.",
)
@click.option("--all-public", is_flag=True, help="Let callers see them for every column.")
@click.option("--json", "as_json", is_flag=True, help="Print errors as JSON too; the schema is always JSON.")
def schema(file: Path, example: Path | None, public: tuple[str, ...], all_public: bool, as_json: bool) -> None:
    """Print the inferred schema of the joblib FILE as JSON, to edit and pass to `push --schema`."""
    import pandas as pd

    from changeover.artifact.load import load_model
    from changeover.estimator.infer_schema import infer_schema

    frame = None
    if example is not None:
        frame = pd.read_parquet(example) if example.suffix == ".parquet" else pd.read_csv(example)
    inferred = infer_schema(load_model(file.read_bytes()), frame).with_public(all_public or public)
    click.echo(dumps(inferred.to_json(), indent=None if as_json else 2))
