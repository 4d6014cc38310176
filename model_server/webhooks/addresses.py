"""The addresses of WEBHOOK_URLS. An address may hold a secret, so that logs and messages show its host only."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """One address: the URL, its name in the bucket, and its host for people."""

    url: str

    @property
    def key(self) -> str:
        """The name of its record in the bucket."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    @property
    def shown(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def addresses_in(listed: str) -> tuple[Address, ...]:
    """The addresses of `listed`, separated by spaces, each once; raises ValueError, which shows none of them."""
    urls = dict.fromkeys(listed.split())
    for number, url in enumerate(urls, 1):
        if not _is_http(url):
            raise ValueError(f"address {number} is not http(s)://host[:port]/path")
    return tuple(map(Address, urls))


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
