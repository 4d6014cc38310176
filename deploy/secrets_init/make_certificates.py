"""The certificates of the compose stack: an authority at the first start, and one certificate for each service.

A certificate is kept until its last 30 days, and made again at the next start after that; its service takes the new one
while it runs. The key of the authority lies in a volume of its own, which no service mounts. They are made whether TLS
is on or not, so that `TLS=on` is one setting.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from changeover.tls.certificates import Pair, ends_at, hosts_of, issue, make_authority

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
# reader -> the names by which it is called; TLS_HOSTS adds those by which users call the gateway and model_server
HOSTS: Final = {
    "model_server": ("model_server", "serving.model_server", *_LOCAL),
    "predict_api": ("predict_api", *_LOCAL),
    "gateway": ("gateway", *_LOCAL),
}
_OF_USERS: Final = ("model_server", "gateway")
_RENEWED_BEFORE: Final = timedelta(days=30)


def make(root: Path, more_hosts: str = "") -> list[str]:
    """Complete the folders `root/<reader>` and `root/authority`; the names of the certificates that were made now."""
    made = []
    authority = _kept(root / "ca", "ca")
    if authority is None:
        authority = make_authority("changeover")
        _write(root / "ca", "ca", authority)
        made.append("authority")
    extra = tuple(host.strip() for host in more_hosts.split(",") if host.strip())
    for reader, names in HOSTS.items():
        hosts = names + (extra if reader in _OF_USERS else ())
        folder = root / reader
        kept = _kept(folder, "tls")
        if "authority" in made or kept is None or not set(hosts) <= hosts_of(kept.certificate):
            kept = issue(authority, reader, hosts)
            _write(folder, "tls", kept)
            made.append(reader)
        _replace(folder / "tls_ca.pem", authority.certificate)
    _replace(root / "gateway" / "tls_both.pem", _gateways_file(root))
    _replace(root / "authority" / "ca.pem", authority.certificate, mode=0o444)
    return made


def _gateways_file(root: Path) -> bytes:
    """Certificate and key in one file, as HAProxy reads them."""
    folder = root / "gateway"
    return (folder / "tls_cert.pem").read_bytes() + (folder / "tls_key.pem").read_bytes()


def _kept(folder: Path, name: str) -> Pair | None:
    try:
        pair = Pair((folder / f"{name}_cert.pem").read_bytes(), (folder / f"{name}_key.pem").read_bytes())
        left = ends_at(pair.certificate) - datetime.now(UTC)
    except (OSError, ValueError):
        return None
    return pair if left > _RENEWED_BEFORE else None


def _write(folder: Path, name: str, pair: Pair) -> None:
    _replace(folder / f"{name}_key.pem", pair.key)
    _replace(folder / f"{name}_cert.pem", pair.certificate)


def _replace(file: Path, content: bytes, mode: int = 0o440) -> None:
    """Write the file whole, readable by its owner and its group, unless it has this content already."""
    if file.exists() and file.read_bytes() == content:
        return
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.chmod(mode)
    part.replace(file)


if __name__ == "__main__":
    names = make(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
    print(f"certificates.made names={','.join(names)}" if names else "certificates.kept")
