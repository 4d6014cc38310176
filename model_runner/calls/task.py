"""The task of an examination: the publisher's draft of the manifest, and limits."""

from msgspec import Struct

from changeover.manifest.manifest import Draft


class Task(Struct, frozen=True):
    """The task for one artifact: its size in bytes, the publisher's draft of the manifest, limits.

    `skew_allowed`: no environment has the scikit-learn that it was made with, and its publisher's golden outputs must
    replay in this one.
    """

    size: int
    draft: Draft
    unpacked_bytes: int
    max_columns: int = 10_000
    skew_allowed: bool = False
