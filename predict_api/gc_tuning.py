"""Python's search for garbage, kept from stopping requests: it walks every object there is, a model's among them.

What a worker has when it begins to answer stays, so it is walked never again; what requests leave behind is little and
mostly freed at once, so it is looked for seldom.
"""

import gc
from typing import Final

YOUNG: Final = 20_000  # objects made and not freed until the youngest are searched


def settle() -> None:
    """Call once, when all that stays is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def search() -> None:
    """Call after a version was retired: where its model refers to itself, only this frees it."""
    gc.collect()
