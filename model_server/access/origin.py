"""The check that a page of this service made a browser send a request, against cross-site request forgery.

A browser adds a session's cookie, and a proxy's identity, to requests of any page. So a request that changes something
has to show that its page is of this origin: by `Sec-Fetch-Site`, or in older browsers by `Origin`. A page can set neither.
"""

from urllib.parse import urlsplit

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_of_this_origin(fetch_site: str | None, origin: str | None, host: str | None) -> bool:
    """Whether the headers `Sec-Fetch-Site`, `Origin` and `Host` show a page of this origin, or a person's own entry."""
    if fetch_site is not None:
        return fetch_site in {"same-origin", "none"}
    # behind a proxy that ends TLS, the scheme is not known here: the host and its port are compared
    return bool(origin and host) and urlsplit(origin).netloc.lower() == (host or "").lower()
