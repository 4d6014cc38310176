"""Models that were fitted on the output of a vectorizer and come without it: no caller could fill their columns."""

from typing import Any, Final

from sklearn.feature_extraction.text import TfidfTransformer

from changeover.estimator.inspection import input_count, input_names, parts

_LEAST_OF_COUNTS: Final = 1_000  # columns without names from which a model of word counts is one of text
_LEAST_OF_SPARSE: Final = 100
_OF_COUNTS: Final = ("MultinomialNB", "ComplementNB")


def reason(estimator: object) -> str | None:
    """The reason to refuse a model whose vectorizer is missing, or None.

    It is known of a pipeline that begins with a TfidfTransformer, of a support vector machine that notes a sparse
    matrix, and of naive Bayes for counts with very many columns without names. Every other model may well have been
    fitted on a wide array.
    """
    if input_names(estimator) is not None:
        return None
    columns = input_count(estimator) or 0
    if not any(_is_of_text(part, columns) for part in parts(estimator)):
        return None
    return (
        f"the model was fitted on the {columns} columns that a vectorizer makes, and the vectorizer is not in the artifact: "
        f"publish both as one pipeline, to which callers send strings: "
        f"`changeover.publish(make_pipeline(vectorizer, model))`; or give the {columns} columns as a schema"
    )


def _is_of_text(part: Any, columns: int) -> bool:
    if isinstance(part, TfidfTransformer):
        return True
    kind = type(part)
    if kind.__module__ == "sklearn.naive_bayes":
        return kind.__name__ in _OF_COUNTS and columns >= _LEAST_OF_COUNTS
    return getattr(part, "_sparse", False) is True and columns >= _LEAST_OF_SPARSE
