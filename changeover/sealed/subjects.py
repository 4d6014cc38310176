"""The names of sealed objects in the statements of their seals: their keys in the bucket.

`object_store/keys.py` builds the keys; a replica, which knows no bucket, compares names.
"""


def manifest_name(model: str, version: str, number: int = 0) -> str:
    """The name of a manifest of a version."""
    return f"versions/{model}/{version}/manifest{f'-{number:08d}' if number else ''}.json"


def entry_name(model: str, sequence: int) -> str:
    """The name of a ledger entry."""
    return f"rollouts/{model}/{sequence:08d}.json"
