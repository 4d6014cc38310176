"""Models with every kind of column and of answer, on a running stack, for the tests of the OpenAPI documents."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from changeover.estimator.training_frame import read_frame, rows_of
from changeover.manifest.manifest import Draft
from changeover.schema.cell_parsers import Case, ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Extra, Schema
from tests.processes.up import RunningStack

SHOP = "shop"
TEXTS = "texts"
RENT = "rent"
SHOP_SCHEMA = Schema(
    (
        Column("basket value", ColumnType.NUMBER, nullable=True, format=Format.CURRENCY, description="before tax"),
        Column("discount", ColumnType.NUMBER, format=Format.PERCENT),
        Column("items", ColumnType.INTEGER),
        Column("member", ColumnType.BOOLEAN),
        Column("größe/size~", ColumnType.STRING, enum=("S", "M", "L"), public=True),
        Column("city", ColumnType.STRING, nullable=True, categories=("Kyoto", "Lima"), case=Case.FOLD),
        Column("since", ColumnType.STRING, nullable=True, format=Format.DATE),
        Column("tier", ColumnType.INTEGER, nullable=True, enum=(1, 2, 3), public=True),
    )
)
_FRAME = pd.DataFrame(
    {
        "basket value": ["$6,882.34 ", "(5,032.58)", "3709.93", "$1,920"] * 6,
        "discount": ["62.59%", "3.1", "0", "12%"] * 6,
        "items": [1, 2, 3, 4] * 6,
        "member": [True, False] * 12,
        "größe/size~": ["S", "M", "L"] * 8,
        "city": ["Kyoto", "Lima", None, "Kyoto"] * 6,
        "since": ["2024-02-29", "2025-12-31"] * 12,
        "tier": [1, 2, 3] * 8,
    }
)


def publish_all(stack: RunningStack) -> None:
    """Serve a forest of mixed columns, a regression that ignores other fields, and a pipeline over one string."""
    typed = read_frame(_FRAME, SHOP_SCHEMA)
    encoded = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), ["größe/size~", "city", "since"])], remainder="passthrough"
    )
    forest = make_pipeline(encoded, RandomForestClassifier(5, random_state=0)).fit(typed, ["no", "yes"] * 12)
    golden = {"rows": list(rows_of(_FRAME.head(3)))}
    _publish(
        stack, SHOP, forest, Draft(schema=SHOP_SCHEMA.to_json(), golden=golden, description="a returning customer")
    )

    rooms = Schema((Column("rooms"), Column("floor", ColumnType.INTEGER, nullable=True)), extra=Extra.IGNORE)
    frame = pd.DataFrame({"rooms": np.linspace(1, 5, 20), "floor": [float(n % 4) for n in range(20)]})
    rent = make_pipeline(SimpleImputer(), LinearRegression()).fit(frame, 300 * frame["rooms"])
    _publish(stack, RENT, rent, Draft(schema=rooms.to_json()))

    texts = make_pipeline(CountVectorizer(), LogisticRegression()).fit(["good", "fine", "bad", "sad"], [1, 1, 0, 0])
    _publish(stack, TEXTS, texts, Draft(golden={"rows": [{"text": "a good day"}]}))


def _publish(stack: RunningStack, name: str, estimator: object, draft: Draft) -> None:
    published = stack.client().publish(estimator, name, draft=draft)
    stack.client().roll(published.version, model=name)
    stack.wait_until_held(name, published.version)
