"""The origins of web pages that may use this service from a browser: the entries of CORS_ORIGINS.

The rules are those of the Fetch standard, https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

import re
from typing import Final

# RFC 6454, 6.2: the form in which browsers send an origin
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_FIELD_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_LONGEST: Final = 2000  # characters of a list of header names
ANY: Final = "*"


def origins_in(listed: str) -> frozenset[str]:
    """The origins of CORS_ORIGINS, separated by commas; raises ValueError for an entry that is none."""
    origins = frozenset(entry.strip() for entry in listed.split(",") if entry.strip())
    for origin in sorted(origins - {ANY}):
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is no origin; write it as a browser sends it, like https://app.example.org or "
                f"http://localhost:3000, in small letters, without a path or a slash at its end; * is every origin"
            )
    if ANY in origins and len(origins) > 1:
        raise ValueError("* is every origin: list it alone")
    return origins


def header_names(listed: str | None) -> str | None:
    """The names of `Access-Control-Request-Headers` if they are well-formed, else None."""
    if listed is None or len(listed) > _LONGEST or not _FIELD_NAMES.fullmatch(listed):
        return None
    return listed
