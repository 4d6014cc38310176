"""The names under which a rejected upload is stored: short enough for every store, and for the key of its reason."""

from typing import Final

from object_store.keys import REASON

# S3 allows 1024 bytes a key; stores that keep objects as files allow 255 a segment (and some append a suffix).
_LONGEST_KEY: Final = 1024
_LONGEST_SEGMENT: Final = 240


def rejected_names(name: str, version: str) -> tuple[str, ...]:
    """The names under which to store a rejected upload, best first: its own, then one with its SHA-256.

    The second is for a name that other bytes already have; a name too long for stores has only the second.
    """
    folder, slash, last = name.rpartition("/")
    stem, dot, suffix = last.rpartition(".")
    if not stem or len(suffix) > 16:
        stem, dot, suffix = last, "", ""
    short = stem.encode()[:100].decode(errors="ignore")
    apart = f"{short}.{version[:16]}{dot}{suffix}"
    if len(name.encode()) + 2 * len(REASON) > _LONGEST_KEY - 128 or any(
        len(segment.encode()) + 2 * len(REASON) > _LONGEST_SEGMENT for segment in name.split("/")
    ):
        return (apart,)
    return name, f"{folder}{slash}{apart}"
