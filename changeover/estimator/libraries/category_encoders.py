"""Transformers of category_encoders: the categories of a column stand in the index of a mapping.

The mapping is that of an ordinal encoder, which is the first step of most of them, or the transformer's own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from changeover.estimator.encoded import Encoded, categories_of
from changeover.estimator.libraries.library import Library


class _CategoryEncoders(Library):
    def facts(self, part: Any, names: Sequence[str]) -> dict[str, Encoded]:
        closed = getattr(part, "handle_unknown", None) == "error"
        facts = {}
        for name, mapping in _mappings(getattr(part, "ordinal_encoder", None) or part):
            if name in names:
                # the mapping has a code for missing values, whether there were any or not
                facts[name] = replace(categories_of(tuple(mapping.index.tolist()), closed=closed), missing=None)
        return facts


LIBRARY: Final = _CategoryEncoders()


def _mappings(part: Any) -> Iterator[tuple[str, Any]]:
    mapping = getattr(part, "mapping", None)
    if isinstance(mapping, dict):
        yield from ((str(name), of_column) for name, of_column in mapping.items() if hasattr(of_column, "index"))
    elif isinstance(mapping, list):
        yield from ((str(entry["col"]), entry["mapping"]) for entry in mapping if hasattr(entry["mapping"], "index"))
