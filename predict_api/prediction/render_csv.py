"""Rendering of scores as CSV (RFC 4180): a line with the names of the columns, and a line for each row."""

import csv
import io

from changeover.estimator.scores import Scores
from changeover.manifest.manifest import Manifest
from predict_api.prediction.score_columns import as_text, score_columns


def render_csv(scores: Scores, manifest: Manifest) -> bytes:
    """The body of the response. A missing value is an empty cell; true and false are written so."""
    columns = score_columns(scores, manifest.outputs)
    cells = [["" if value is None else as_text(value) for value in values] for values in columns.values()]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue().encode()
