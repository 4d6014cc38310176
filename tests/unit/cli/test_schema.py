"""The verb `changeover schema`: a publisher prints the inferred schema, edits it and publishes it."""

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from changeover.cli.main import main
from changeover.cli.push import _draft
from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Schema


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    frame = pd.DataFrame({"price": np.linspace(-1, 1, 10), "count": range(10)})
    model = make_pipeline(SimpleImputer(), LogisticRegression()).fit(frame, [0, 1] * 5)
    joblib.dump(model, tmp_path / "model.joblib")
    return tmp_path / "model.joblib"


def test_the_schema_of_a_file_comes_from_the_pipeline(artifact: Path) -> None:
    printed = Schema.from_json(json.loads(run("schema", artifact).stdout), strict=True)
    assert printed == Schema((Column("price", nullable=True), Column("count", nullable=True)))


def test_an_example_gives_types_formats_and_ranges(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text('price,count,y\n"$1,200",3,0\n($5.50),4,1\n')
    printed = json.loads(run("schema", artifact, "--example", tmp_path / "data.csv").stdout)
    assert printed["columns"] == [
        {"name": "price", "type": "number", "nullable": True, "format": "currency", "range": [-5.5, 1200.0],
         "missing_seen": False},
        {"name": "count", "type": "number", "nullable": True, "range": [3.0, 4.0], "missing_seen": False},
    ]  # fmt: skip


def test_columns_are_made_public_by_name_or_all_together(artifact: Path) -> None:
    def public(*words: str) -> list[bool]:
        columns = json.loads(run("schema", artifact, *words).stdout)["columns"]
        return [column.get("public", False) for column in columns]

    assert public() == [False, False]
    assert public("--public", "count") == [False, True]
    assert public("--all-public") == [True, True]
    slip = run("schema", artifact, "--public", "cuont")
    assert (slip.exit_code, "cuont" in slip.stderr) == (1, True)


def test_the_edited_schema_is_what_is_published(artifact: Path, tmp_path: Path) -> None:
    printed = json.loads(run("schema", artifact).stdout)
    printed["columns"][0] |= {"format": "currency", "unit": "EUR", "description": "with tax", "nullable": False}
    printed["columns"][1] |= {"type": "integer", "enum": [1, 2, 3]}
    edited = tmp_path / "schema.json"
    edited.write_text(json.dumps(printed))
    draft = _draft(None, (), None, edited, "")
    assert draft is not None
    assert Schema.from_json(draft.schema) == Schema(
        (
            Column("price", format=Format.CURRENCY, unit="EUR", description="with tax"),
            Column("count", ColumnType.INTEGER, nullable=True, enum=(1, 2, 3)),
        )
    )


def test_a_typo_in_the_edited_schema_is_an_error_before_the_upload(tmp_path: Path) -> None:
    edited = tmp_path / "schema.json"
    edited.write_text('{"columns": [{"name": "price", "unti": "EUR"}]}')
    with pytest.raises(InvalidSchema, match=r"unknown members \['unti'\]"):
        _draft(None, (), None, edited, "")
