"""Path prefixes: ROOT_PATH, and the X-Forwarded-Prefix of a trusted proxy.

A prefix is empty, or `/` and segments, without a slash at its end. It is written into the OpenAPI document, so it has
characters of names only, and never begins with two slashes: that would be another host.
"""

import re
from typing import Final

_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_LONGEST: Final = 256  # characters
# a request below these may be one without the prefix
_ROUTES: Final = frozenset({"models", "apidocs", "v1", "v2"})


def prefix_in(text: str) -> str:
    """ROOT_PATH as a prefix; raises ValueError."""
    if not text.strip("/"):
        return ""
    prefix = _prefix(text)
    if prefix is None:
        raise ValueError(f"{text!r} is no path prefix; write it like /ml or /teams/credit")
    first = prefix.split("/")[1]
    if first in _ROUTES:
        raise ValueError(f"{text!r} begins like a route of this service, /{first}/...: choose another prefix")
    return prefix


def forwarded_prefix(header: str) -> str | None:
    """The value of X-Forwarded-Prefix as a prefix, or None if it is none; several proxies add theirs with commas."""
    parts = [_prefix(part.strip()) for part in header.split(",") if part.strip().strip("/")]
    joined = "".join(part or "//" for part in parts)
    return joined if _prefix(joined) == joined or not joined else None


def without(prefix: str, path: str) -> str:
    """`path` without `prefix`; `path` itself if it does not begin with it."""
    if prefix and path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in {"", "/"}:
        return path[len(prefix) :] or "/"
    return path


def _prefix(text: str) -> str | None:
    text = text.removesuffix("/")
    return text if len(text) <= _LONGEST and _PREFIX.fullmatch(text) else None
