"""The key of the registry of a stack without Docker, in `HOME/registry` (0700), and its public key beside it.

A new home is sealed from its beginning. The registry of an earlier release is sealed by `changeover seal`, which writes the
file of public keys.
"""

from collections.abc import Mapping
from pathlib import Path

from changeover import stack
from changeover.process.atomic_file import write_atomically
from changeover.sealed.keys import SigningKey


def keep(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The settings of the keys in `home`, which are made if they are missing, but of those that `given` has itself.

    Raises InvalidKeyFile or OSError.
    """
    stack.registry_keys(home).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {**_of_registry(home, given), **_of_receipts(home, given)}


def _of_receipts(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The key by which predict_api signs receipts, with its public key beside it."""
    if given.get("RECEIPT_KEY_FILE"):
        return {}
    keys_file = stack.receipt_keys(home).resolve()
    key, _ = SigningKey.kept(keys_file.with_name("receipt_key"))
    if not keys_file.exists():
        write_atomically(keys_file, f"{key.public.text}\n".encode("ascii"))
    return {"RECEIPT_KEY_FILE": str(keys_file.with_name("receipt_key"))}


def _of_registry(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    if given.get("REGISTRY_KEY_FILE") or given.get("REGISTRY_KEYS_FILE"):
        return {}
    keys_file = stack.registry_keys(home).resolve()
    key_file = keys_file.with_name("key")
    is_new = not (home / "store").exists() and not keys_file.exists()
    key, _ = SigningKey.kept(key_file)
    if is_new:
        write_atomically(keys_file, f"{key.public.text}\n".encode("ascii"))
    sealed = {"REGISTRY_KEYS_FILE": str(keys_file)} if keys_file.exists() else {}
    return {"REGISTRY_KEY_FILE": str(key_file), **sealed}
