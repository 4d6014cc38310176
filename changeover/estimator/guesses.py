"""The columns whose type is unknown: no example came with the model, and no inner encoder keeps the type of the fit.

They are taken for numbers or texts. Code of one's own may see a difference, so a manifest warns of them.
"""

from typing import Final

from changeover.estimator.row_independence import unknown_code
from changeover.estimator.thresholds import cut_columns
from changeover.schema.cell_parsers import shown
from changeover.schema.schema import Schema

_MOST_NAMED: Final = 20


def guessed(estimator: object, schema: Schema) -> str | None:
    """A sentence on the columns of an inferred `schema` whose type was guessed, or None if the model cannot tell."""
    unknown = [column for column in schema.columns if not column.dtype]
    code = unknown_code(estimator)
    if code is None:
        cut = set(cut_columns(estimator, list(schema.by_name)))
        unknown = [column for column in unknown if column.name in cut]
        code = "a step compares them with thresholds, and single precision has other numbers"
    if not unknown:
        return None
    named = ", ".join(f"{shown(column.name)} ({column.type.value})" for column in unknown[:_MOST_NAMED])
    more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
    return (
        f"the types of these columns were guessed: {named}{more}. The model may see a difference: {code}. Publish it with the "
        f"frame that it was fitted on: `client.publish(model, example=frame)`"
    )
