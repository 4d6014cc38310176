"""The TLS of the embedded store: between its own parts, on each of its ports but that of its S3 API.

`weed` is one process, but its parts (master, volume, filer, admin) call each other over ports that ask for no key: any
local user could read, forge or delete what the bucket has. So each port asks its caller for a certificate, and only
the store has one. Its authority signs this one certificate, and its key is forgotten, at each start.
"""

from pathlib import Path
from typing import Final

from changeover.process.atomic_file import write_atomically
from changeover.tls.certificates import AUTHORITY_DAYS, issue, make_authority

CONFIGURATION: Final = "security.toml"  # weed reads it from its working directory
_FOLDER: Final = "tls"
_HOSTS: Final = ("127.0.0.1", "localhost")
_GRPC_PARTS: Final = ("master", "volume", "filer", "s3", "admin", "worker", "mq", "msg_broker", "msg_agent")
_HTTP_PARTS: Final = ("master", "volume", "filer", "admin")


def shut_ports(folder: Path) -> None:
    """Make the certificate and write the configuration by which the ports of the store in `folder` need it."""
    authority = make_authority("changeover embedded store", AUTHORITY_DAYS)
    own = issue(authority, "store", _HOSTS, AUTHORITY_DAYS)
    directory = folder / _FOLDER
    directory.mkdir(mode=0o700, exist_ok=True)
    write_atomically(directory / "ca.pem", authority.certificate)
    write_atomically(directory / "store.pem", own.certificate)
    write_atomically(directory / "store.key", own.key)
    write_atomically(folder / CONFIGURATION, _configuration().encode())


def _configuration() -> str:
    pair = f'cert = "{_FOLDER}/store.pem"\nkey = "{_FOLDER}/store.key"\n'
    authority = f'ca = "{_FOLDER}/ca.pem"\n'
    sections = [f"[grpc]\n{authority}", f"[https.client]\nenabled = true\n{pair}{authority}"]
    sections += [f"[grpc.{part}]\n{pair}" for part in (*_GRPC_PARTS, "client")]
    sections += [f"[https.{part}]\n{pair}{authority}" for part in _HTTP_PARTS]
    return "\n".join(sections)
