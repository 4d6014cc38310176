"""The names of the dialects, and the setting DIALECTS, which lists those that are on."""

from typing import Final

from changeover.exceptions import InvalidSetting

NAMES: Final = ("oip", "mlflow", "tfs")  # one for each entry of `known.py`, in the order of the documentation
_ALL, _NONE = "all", "none"


def names_in(listed: str) -> tuple[str, ...]:
    """The names in `listed`, separated by commas; `all` is each of NAMES, and `none` is none. Raises InvalidSetting."""
    words = {word.strip() for word in listed.split(",")} - {""}
    if words == {_ALL}:
        return NAMES
    if words == {_NONE}:
        return ()
    unknown = sorted(words.difference(NAMES))
    if unknown or not words:
        raise InvalidSetting(f"{listed!r} names no dialects: give {_ALL}, {_NONE}, or some of {', '.join(NAMES)}")
    return tuple(name for name in NAMES if name in words)
