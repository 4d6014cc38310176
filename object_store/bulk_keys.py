"""The key of the record of a bulk run: `bulk/<model>/<run>.json`."""

from changeover.names import check_model_name, is_version
from object_store.exceptions import InvalidKey


def bulk_key(model: str, run: str) -> str:
    """The key of the record of a bulk run; `run` is its id, a SHA-256. Raises InvalidKey."""
    if not is_version(run):
        raise InvalidKey(f"{run!r} is no id of a bulk run: 64 lowercase hex digits are")
    return f"bulk/{check_model_name(model)}/{run}.json"
