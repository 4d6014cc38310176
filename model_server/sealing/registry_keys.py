"""The keys of this registry by the settings: the private one, and the public ones by which it is sealed."""

from pathlib import Path
from typing import TYPE_CHECKING

from changeover.exceptions import InvalidKeyFile
from changeover.process.clock import utc_now
from changeover.process.log_events import event
from changeover.sealed.trust import Trust, trust_of

if TYPE_CHECKING:
    from changeover.sealed.keys import SigningKey


def keys_of(key_file: Path | None, keys_file: Path | None) -> "tuple[SigningKey | None, Trust | None]":
    """The private key of REGISTRY_KEY_FILE, made if it is missing, and the public keys of REGISTRY_KEYS_FILE.

    Raises InvalidKeyFile. A registry that is sealed needs a private key that the public ones know.
    """
    if keys_file is None:
        return (_signing(key_file) if key_file else None), None
    if key_file is None:
        raise InvalidKeyFile(
            "REGISTRY_KEYS_FILE is set without REGISTRY_KEY_FILE, the private key: name it, or this registry could write "
            "nothing that it follows"
        )
    trust = trust_of(keys_file)
    if trust is None:
        return _signing(key_file), None
    from changeover.sealed.key_file import read_key_file
    from changeover.sealed.keys import SigningKey

    key = SigningKey.read(key_file)  # never a new one: no public key would be its own
    if not any(each.raw == key.public.raw and each.allows(utc_now()) for each in read_key_file(keys_file)[1]):
        raise InvalidKeyFile(
            f"REGISTRY_KEYS_FILE: {keys_file} does not have the public key of REGISTRY_KEY_FILE, or not at this time: add "
            f"the line {key.public.text}"
        )
    return key, trust


def _signing(path: Path) -> "SigningKey":
    from changeover.sealed.keys import SigningKey

    key, made = SigningKey.kept(path)
    if made:
        event("registry_key.made", file=str(path), key_id=key.id, public_key=key.public.text)
    return key
