"""Tuning of Python's garbage collector, whose full collections walk every object, a model's included.

The objects that a worker has when it begins to serve stay, so the collector never walks them again. Requests leave
little behind, and reference counts free most of it immediately, so collections are rare.
"""

import gc
from typing import Final

YOUNG: Final = 20_000  # allocations minus deallocations before a collection of the youngest generation


def settle() -> None:
    """Freeze the present objects. Call it once, when a worker has loaded its models."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def search() -> None:
    """Collect. Call it after a version was unloaded: only a collection frees a model with reference cycles."""
    gc.collect()
