"""The keys of seals, and of ledger entries that were forged.

seals/<model>/<sha256>/<key id>.json           the seal of the object with this SHA-256, create-if-absent
forged/<model>/<sequence>-<found_at>.json      an object without a seal that had the number of a ledger entry

`docs/sealed.md` describes seals.
"""

from typing import Final

from changeover.names import check_model_name, is_version
from object_store.exceptions import InvalidKey

SEALS: Final = "seals/"
FORGED: Final = "forged/"


def seal_key(model: str, sha256: str, key_id: str) -> str:
    """The key of the seal, by the key of this id, of the object with this SHA-256. Raises InvalidKey."""
    if not is_version(sha256) or not is_version(key_id):
        raise InvalidKey(f"{sha256!r} and {key_id!r} name no seal: both are 64 lowercase hex digits")
    return f"{SEALS}{check_model_name(model)}/{sha256}/{key_id}.json"


def forged_key(model: str, sequence: int, found_at: str) -> str:
    """The key of an object that had the number `sequence` in the ledger, copied aside at `found_at`."""
    return f"{FORGED}{check_model_name(model)}/{sequence:08d}-{found_at}.json"
