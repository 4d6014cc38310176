"""One check of `changeover verify`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One check: `ok` is None if it could not be made."""

    name: str
    ok: bool | None
    detail: str
