"""The columns whose type is unknown: no example came with the model, and no inner encoder keeps the type of the fit.

They are taken for numbers or texts. Code of one's own may see a difference, so a manifest warns of them.
"""

from typing import Final

from changeover.estimator.row_independence import unknown_code
from changeover.schema.cell_parsers import shown
from changeover.schema.schema import Schema

_MOST_NAMED: Final = 20


def guessed(estimator: object, schema: Schema) -> str | None:
    """A sentence on the columns of an inferred `schema` whose type was guessed, or None if the model cannot tell."""
    code = unknown_code(estimator)
    columns = [column for column in schema.columns if not column.dtype]
    if code is None or not columns:
        return None
    named = ", ".join(f"{shown(column.name)} ({column.type.value})" for column in columns[:_MOST_NAMED])
    more = f" and {len(columns) - _MOST_NAMED} more" if len(columns) > _MOST_NAMED else ""
    return (
        f"the types of these columns were guessed, since {code.split(',')[0]}: {named}{more}. Publish the model with the frame that "
        f"it was fitted on: `client.publish(model, example=frame)`"
    )
