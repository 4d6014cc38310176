"""The OpenAPI documents: columns are described as the parser reads them, and every call is described."""

import re
from typing import Any, cast

import pytest
from flask import Flask

from changeover.exceptions import RequestFaults
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.protocol.wire import Current
from changeover.request.decode import decode
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Extra, Schema
from model_server.openapi.document import document as server_document
from model_server.routes.problems import STATUSES
from predict_api.dialects.names import NAMES
from predict_api.openapi.columns import column_schema, sample_row
from predict_api.openapi.document import document
from predict_api.openapi.public_schema import public_schema
from predict_api.replica.active import ActiveVersion
from predict_api.routes.openapi import causes
from predict_api.scoring.interfaces import Prepared, Scorer
from tests.test_docs import OF_DIALECTS, routes

NUMBERS = [
    "1",
    " -0.5 ",
    "1e3",
    ".5",
    "5.",
    "+7",
    "",
    "  ",
    "\n",
    "nan",
    "NaN",
    "1_0",
    "x",
    "$5",
    "5%",
    "--1",
    "inf",
    "٣",
]
MONEY = ["$6,882.34 ", "(5,032.58)", "($5,032.58)", "3709.93", "$1,920", "-$5", "$-5", "(-5)", "1,23", "€ 3", "$", "5%"]
PERCENT = ["62.59%", "62.59", "12 %", "%", "nan%", "$5", ""]


def held(schema: Schema, name: str = "loan", sequence: int = 1, golden: JsonObject | None = None) -> ActiveVersion:
    version = f"{sequence:064x}"
    manifest = Manifest(
        model=name,
        version=version,
        size=1,
        created_at="2026-01-31T12:00:00Z",
        schema=schema.to_json(),
        estimator={"type": "Pipeline", "kind": "classifier", "predict_proba": True},
        classes=["no", "yes"],
        golden=golden,
    )
    return ActiveVersion(
        Current(sequence, version),
        Prepared(manifest, cast("Scorer", None), RequestReader(schema)),
        0.0,
    )


def described(*models: ActiveVersion, default: str = "loan") -> dict[str, Any]:
    return document(models, default, 10_000, causes(keys=False), dialects=NAMES)


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize(
    ("written", "texts"), [(None, NUMBERS), (Format.CURRENCY, NUMBERS + MONEY), (Format.PERCENT, PERCENT)]
)
def test_a_string_is_a_number_for_the_document_if_it_is_one_for_the_parser(
    written: Format | None, texts: list[str], nullable: bool
) -> None:
    column = Column("a", ColumnType.NUMBER, nullable=nullable, format=written)
    pattern = column_schema(column.to_json())["pattern"]
    for text in texts:
        try:
            decode({"a": text}, Schema((column,)), 1)
            taken = True
        except RequestFaults:
            taken = False
        matches = re.search(str(pattern), text) is not None
        if written is Format.CURRENCY and text == "1e3":
            continue  # the parser reads it, but a longer pattern is not worth it
        assert matches == taken, text


def test_the_schema_of_a_column_has_its_description_and_its_values() -> None:
    described_column = column_schema(
        {"name": "a", "type": "number", "nullable": True, "range": [1, 9], "unit": "kg", "description": "Weight."}
    )
    assert described_column["type"] == ["number", "string", "boolean", "null"]
    assert (
        described_column["description"]
        == 'Weight. unit: kg. seen in training: 1 to 9. may be missing: null, "" or "nan"'
    )
    open_one = column_schema({"name": "a", "type": "string", "categories": ["x", "y"]})
    assert (open_one["type"], open_one["examples"]) == ("string", ["x", "y"])
    closed = column_schema({"name": "a", "type": "string", "enum": ["x"], "nullable": True})
    assert closed["enum"] == ["x", None]


def test_other_fields_are_as_the_model_takes_them() -> None:
    for extra in Extra:
        row = described(held(Schema((Column("a"),), extra)))["components"]["schemas"]["loan.Row"]
        assert row["additionalProperties"] is (extra is Extra.IGNORE)


def test_no_golden_row_and_no_answer_to_one_is_an_example() -> None:
    golden: JsonObject = {
        "rows": [{"a": 17}, {"a": 2}],
        "outputs": [{"prediction": "yes", "predict_proba": [0.1, 0.9]}] * 2,
    }
    call = described(held(Schema((Column("a"),)), golden=golden))["paths"]["/predict"]["post"]
    assert call["requestBody"]["content"]["application/json"]["examples"]["row"]["value"] == {"a": 0}
    answer = call["responses"]["200"]["content"]["application/json"]["examples"]["row"]["value"]
    assert answer == {
        "prediction": "no",
        "predict_proba": [0.5, 0.5],
        "classes": ["no", "yes"],
        "model_version": f"{1:064x}",
    }


def test_a_private_column_shows_its_kind_and_nothing_of_its_values() -> None:
    public = {"name": "a", "type": "string", "nullable": True, "description": "where"}
    seen = {"enum": ["x"], "categories": ["x"], "range": [1, 2], "missing_seen": True, "of_a_later_release": ["x"]}
    assert public_schema({"columns": [{**public, **seen}], "extra": "ignore"}) == {
        "columns": [{**public, "closed": True}],
        "extra": "ignore",
    }
    shown = public_schema({"columns": [{**public, **seen, "public": True}]})["columns"]
    assert shown == [{**public, "public": True, **{name: seen[name] for name in list(seen)[:4]}}]


def test_the_example_of_a_private_closed_list_is_null_where_that_is_taken_and_else_a_placeholder() -> None:
    columns: list[JsonObject] = [
        {"name": "a", "type": "string", "closed": True, "nullable": True},
        {"name": "b", "type": "string", "closed": True},
        {"name": "c", "type": "integer", "closed": True},
        {"name": "d", "type": "number", "format": "currency"},
        {"name": "e", "type": "integer", "range": [10, 20]},
    ]
    assert sample_row(columns) == {"a": None, "b": "text", "c": 0, "d": "$6,882.34", "e": 15}


def test_the_examples_of_the_document_are_valid_for_the_model() -> None:
    schema = Schema(
        (
            Column("a", ColumnType.INTEGER),
            Column("b", ColumnType.BOOLEAN),
            Column("c", ColumnType.STRING, enum=("x", "y"), public=True),
            Column("d", ColumnType.NUMBER, format=Format.PERCENT),
        )
    )
    body = described(held(schema))["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    taken = {name: decode(example["value"], schema, 10).rows for name, example in body["examples"].items()}
    assert taken == {"row": 1, "batch": 2, "split": 2}


def test_a_column_named_like_a_key_of_the_split_form_rules_that_form_out() -> None:
    schemas = described(held(Schema((Column("data"), Column("b")))))["components"]["schemas"]
    assert "loan.Split" not in schemas


def test_every_live_model_has_a_path_of_its_own_and_the_default_one_answers_at_predict() -> None:
    models = held(Schema((Column("a"),))), held(Schema((Column("b"),)), "rent")
    paths = described(*models)["paths"]
    assert {"/predict", "/models/loan/predict", "/models/rent/predict"} <= set(paths)
    forms = paths["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert {"$ref": "#/components/schemas/loan.Row"} in forms


def test_every_call_of_predict_api_is_described() -> None:
    calls = {
        f"{method.upper()} {re.sub('{[^}]*}', '{}', path)}"
        for path, item in described()["paths"].items()
        for method in set(item) & {"get", "post", "put", "delete"}
    }
    assert calls - OF_DIALECTS == routes("predict_api") - {"GET /apidocs/{}"}
    assert calls >= OF_DIALECTS


def test_every_call_of_model_server_is_described() -> None:
    causes = {error.__name__: (status.number, status.title) for error, status in STATUSES.items()}
    calls = {
        f"{method.upper()} {re.sub('{[^}]*}', '{}', path)}"
        for path, item in server_document(causes, "loan", "1.0")["paths"].items()  # type: ignore[union-attr]
        for method in set(item) & {"get", "post", "put", "delete"}  # type: ignore[arg-type]
    }
    pages = {call for call in routes("model_server") if " /ui/" in call}  # HTML for people
    assert calls == routes("model_server") - pages


def test_all_calls_but_the_freshness_check_and_the_probes_need_a_token() -> None:
    public_paths = {"/models/{model}/current", "/openapi.json", "/livez", "/readyz", "/metrics"}
    causes = {error.__name__: (status.number, status.title) for error, status in STATUSES.items()}
    for path, item in server_document(causes, "loan", "1.0")["paths"].items():  # type: ignore[union-attr]
        for method in set(item) & {"get", "post", "put", "delete"}:  # type: ignore[arg-type]
            assert ("security" in item[method]) == (path not in public_paths), f"{method} {path}"  # type: ignore[index,operator,call-overload]


def test_the_page_loads_from_no_other_host_and_has_no_inline_script() -> None:
    from predict_api.routes import apidocs

    app = Flask("page")
    app.register_blueprint(apidocs.blueprint())
    client = app.test_client()
    page = client.get("/apidocs")
    assert "unsafe" not in page.headers["Content-Security-Policy"].split("script-src")[1].split(";")[0]
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) == 4
    for file in files:
        answer = client.get(f"/{file}")
        assert answer.status_code == 200, file
        assert (
            answer.mimetype == {"js": "text/javascript", "css": "text/css", "png": "image/png"}[file[-3:].lstrip(".")]
        )
    assert "<script>" not in page.text
    for other in ("../settings.py", "LICENSE", "swagger-ui.js", "%2e%2e/x"):
        assert client.get(f"/apidocs/{other}").status_code == 404


def test_rows_as_arrays_are_described_for_a_model_that_was_fitted_on_an_array() -> None:
    post = described(held(Schema((Column("x0"), Column("x1", ColumnType.STRING)))))
    content = post["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert {"$ref": "#/components/schemas/loan.Arrays"} in content["schema"]["anyOf"]
    rows = post["components"]["schemas"]["loan.Arrays"]["items"]
    assert [len(rows["prefixItems"]), rows["minItems"], rows["items"]] == [2, 2, False]
    example = content["examples"]["arrays"]["value"]
    assert decode(example, Schema((Column("x0"), Column("x1", ColumnType.STRING))), 10).rows == 2
    named = described(held(Schema((Column("a"), Column("b")))))
    assert "loan.Arrays" not in named["components"]["schemas"]


def test_a_very_wide_model_is_described_by_rows_only() -> None:
    wide = held(Schema(tuple(Column(f"x{number}") for number in range(501))))
    names = {name for name in described(wide)["components"]["schemas"] if name.startswith("loan.")}
    assert names == {
        "loan.Row",
        "loan.Batch",
        "loan.RowAnswer",
        "loan.RowError",
        "loan.Answer",
        "loan.BatchAnswer",
        "loan.Error",
    }
    assert set(
        described(wide)["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    ) == {
        "row",
        "batch",
    }


def test_keys_and_their_refusals_are_described_only_where_keys_are_needed() -> None:
    without = described()
    assert "security" not in without
    assert "securitySchemes" not in without["components"]
    assert without["servers"] == [{"url": "/"}]
    calls = [call for path in without["paths"].values() for call in path.values() if "responses" in call]
    assert [call for call in calls if {"401", "403", "429"} & set(call["responses"])] == []
    secured = document([], "loan", 10_000, causes(keys=True), "/ml", keys=True)
    assert secured["security"] == [{"bearer": []}, {"header": []}]
    assert "Retry-After" in secured["paths"]["/predict"]["post"]["responses"]["429"]["headers"]  # type: ignore[call-overload, index]
