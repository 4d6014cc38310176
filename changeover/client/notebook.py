"""`changeover.publish(model, "loan", example=X)`: publishes a version in one line of a notebook."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from changeover.client.client import Client
from changeover.client.upload import Published

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd


def publish(
    model: object,
    name: str | None = None,
    *,
    example: "pd.DataFrame | None" = None,
    metrics: dict[str, float] | None = None,
    evaluation_data: "pd.DataFrame | Path | str | None" = None,
    description: str = "",
    public: "bool | Collection[str]" = False,
    reference: "pd.DataFrame | Literal[False] | None" = None,
    reference_predictions: object = None,
    outputs: "Collection[str]" = (),
    roll: bool = False,
    reason: str = "",
    allow_schema_change: bool = False,
    skip_gate: bool = False,
    server_url: str | None = None,
    token: str | None = None,
    home: Path | str | None = None,
) -> Published:
    """Publish the fitted estimator `model` as a version of `name`, and roll it if `roll`.

    `example` is raw training data (a row an observation): from it come the schema that `/predict` checks and the golden
    rows that every replica replays. `evaluation_data` is the held-out data that `metrics` were measured on; the
    server's gate compares versions on equal data only. `public` names the columns (True: all) whose categories and
    range any caller of predict_api may see. `outputs` names the values of a prediction of several. `reference` and
    `reference_predictions` are what live inputs and answers are compared with (`docs/drift.md`). The stack is found as `Client` finds it. Raises ServiceRefused with the
    reason if the model is not admitted.
    """
    client = Client(server_url, token=token, home=home)
    return client.publish(
        model,
        name,
        example=example,
        metrics=metrics,
        evaluation_data=evaluation_data,
        description=description,
        public=public,
        reference=reference,
        reference_predictions=reference_predictions,
        outputs=outputs,
        roll=roll,
        reason=reason,
        allow_schema_change=allow_schema_change,
        skip_gate=skip_gate,
    )
