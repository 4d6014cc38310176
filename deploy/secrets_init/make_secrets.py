"""Every secret of the compose stack, made at the first start and kept after that.

Carries "Every secret is generated at the first `up`" of the design. One folder (a volume) per reader holds the secrets
that this reader needs, one file each; what several readers share is the same in every folder. A secret that exists is
never changed, one that is missing somewhere is copied there. Standard library only: nothing is installed to run this.

The key of the registry is one of them (docs/sealed.md). A new stack is sealed from its beginning. In one of an earlier
release, the files of public keys say `unsealed` until `--seal` writes the public key there.
"""

import base64
import hashlib
import secrets
import string
import sys
from pathlib import Path
from typing import Final

_ALPHABET: Final = string.ascii_letters + string.digits

_UNSEALED: Final = "unsealed"
_PKCS8: Final = bytes.fromhex("302e020100300506032b657004220420")  # in front of a seed (RFC 8410)
# ed25519: the prime of its field, the constant of its curve, its base point
_PRIME: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_BASE: Final = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)

# name -> number of characters. Access keys: S3 stores take 3 to 20 characters.
LENGTHS: Final = {
    "root_access_key": 20,
    "root_secret_key": 40,
    "model_server_access_key": 20,
    "model_server_secret_key": 40,
    "publisher_access_key": 20,
    "publisher_secret_key": 40,
    "publish_token": 43,
    "report_token": 43,
}

READERS: Final = {
    "store": ["root_access_key", "root_secret_key"],
    "store_init": [
        "root_access_key",
        "root_secret_key",
        "model_server_access_key",
        "model_server_secret_key",
        "publisher_access_key",
        "publisher_secret_key",
    ],
    "model_server": [
        "model_server_access_key",
        "model_server_secret_key",
        "publisher_access_key",
        "publisher_secret_key",
        "publish_token",
        "report_token",
    ],
    "predict_api": ["report_token"],
}


def make(root: Path) -> list[str]:
    """Complete the folders `root/<reader>`; the names of the secrets made now. Raises SystemExit if two copies differ."""
    made = []
    for name, length in LENGTHS.items():
        files = [root / reader / name for reader, names in READERS.items() if name in names]
        values = {file.read_text(encoding="ascii") for file in files if file.exists()}
        if len(values) > 1:
            places = ", ".join(str(file) for file in files)
            raise SystemExit(f"{name} is not the same in {places}: restore these volumes from one backup")
        if not values:
            values = {"".join(secrets.choice(_ALPHABET) for _ in range(length))}
            made.append(name)
        for file in files:
            _write(file, next(iter(values)))
    return made


def make_registry(root: Path, *, sealed: bool) -> list[str]:
    """Complete the key of the registry; the names made now. `sealed`: write its public key, not the word `unsealed`."""
    key, made = root / "model_server" / "registry_key", []
    if not key.exists():
        body = base64.encodebytes(_PKCS8 + secrets.token_bytes(32)).decode("ascii")
        _write(key, f"-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n")
        made.append("registry_key")
    seed = base64.b64decode("".join(key.read_text(encoding="ascii").splitlines()[1:-1]))[len(_PKCS8) :]
    line = f"ed25519:{base64.b64encode(public_key(seed)).decode('ascii')}\n"
    for reader in ("model_server", "predict_api"):
        file = root / reader / "registry_keys"
        if sealed and file.exists() and file.read_text(encoding="ascii").strip() == _UNSEALED:
            file.unlink()
        if not file.exists():
            _write(file, line if sealed else f"{_UNSEALED}\n")
            made.append(f"registry_keys of {reader}")
    return made


def public_key(seed: bytes) -> bytes:
    """The ed25519 public key of a secret seed of 32 bytes (RFC 8032, 5.1.5).

    Not in constant time: it runs once, in a container without a network.
    """
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    point, power = (0, 1), _BASE
    while scalar:
        if scalar & 1:
            point = _sum(point, power)
        power, scalar = _sum(power, power), scalar >> 1
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def _sum(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """The sum of two points of the curve, in affine coordinates."""
    (x1, y1), (x2, y2) = a, b
    product = _D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, _PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, _PRIME)
    return x % _PRIME, y % _PRIME


def _write(file: Path, value: str) -> None:
    """Create the file whole, readable by its owner and its group; leave one that exists alone."""
    if file.exists():
        return
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(value, encoding="ascii")
    part.chmod(0o440)
    part.replace(file)


if __name__ == "__main__":
    secrets_folder = Path(sys.argv[1])
    names = make(secrets_folder)
    names += make_registry(secrets_folder, sealed=len(names) == len(LENGTHS) or "--seal" in sys.argv[2:])
    print(f"secrets.made names={','.join(names)}" if names else "secrets.kept")
