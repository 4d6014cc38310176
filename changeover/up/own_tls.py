"""The TLS of a stack without Docker: certificates of its own (`changeover up --tls`), or those of its environment."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from changeover.process.atomic_file import write_atomically
from changeover.tls.certificates import Pair, ends_at, issue, make_authority
from changeover.up.exceptions import CannotStart

HOSTS: Final = ("127.0.0.1", "::1", "localhost")
_RENEWED_BEFORE: Final = timedelta(days=30)


def own_certificates(folder: Path) -> dict[str, str]:
    """The TLS settings of both services: an authority and a certificate in `folder`.

    Both are made at the first start. The certificate is made again at a start in its last 30 days, the authority too,
    after which copies of the old one are of no use.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    authority = _kept(folder, "ca") or _store(folder, "ca", make_authority("changeover up"))
    if _kept(folder, "service") is None:
        _store(folder, "service", issue(authority, "changeover", HOSTS))
    files = {"TLS_CERT": "service.pem", "TLS_KEY": "service.key", "TLS_CA": "ca.pem"}
    return {setting: str((folder / name).resolve()) for setting, name in files.items()}


def authorities_of(environment: Mapping[str, str]) -> str:
    """The authorities (PEM) that callers of the services have to trust; empty without TLS. Raises CannotStart."""
    if not environment.get("TLS_CERT"):
        return ""
    path = environment.get("TLS_CA")
    if not path:
        raise CannotStart(
            "TLS_CERT is set without TLS_CA: set it to the file of the authority that issued the certificate (for "
            "127.0.0.1), which both services and the CLI have to trust; or use --tls"
        )
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"TLS_CA names {path}, which cannot be read as PEM: {error}") from None


def _kept(folder: Path, name: str) -> Pair | None:
    """The pair that an earlier start has stored, if it is valid for long enough."""
    try:
        pair = Pair((folder / f"{name}.pem").read_bytes(), (folder / f"{name}.key").read_bytes())
        left = ends_at(pair.certificate) - datetime.now(UTC)
    except (OSError, ValueError):
        return None
    return pair if left > _RENEWED_BEFORE else None


def _store(folder: Path, name: str, pair: Pair) -> Pair:
    write_atomically(folder / f"{name}.key", pair.key)
    write_atomically(folder / f"{name}.pem", pair.certificate)
    return pair
