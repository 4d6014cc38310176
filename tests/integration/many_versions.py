"""Many versions of a model, written into the bucket as copies of one that was published."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from changeover.process.clock import rfc3339
from object_store import keys
from object_store.bucket import Bucket

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_THREADS = 8


def fill(bucket: Bucket, model: str, version: str, count: int, size: int = 1000) -> list[str]:
    """Write `count` versions with artifacts of `size` bytes, one a minute; returns them, oldest first.

    Their manifests are that of `version`. Their bytes are no models: they can be listed and removed, not rolled.
    """
    manifest = json.loads(bucket.read(keys.manifest_key(model, version), 2**24))
    names = [f"{number:064x}" for number in range(1, count + 1)]

    def copy(number: int) -> None:
        at = rfc3339(BEGAN + timedelta(minutes=number))
        body = {**manifest, "version": names[number], "created_at": at, "size": size}
        bucket.create(keys.artifact_key(model, names[number]), names[number].encode()[:1] * size)
        bucket.create(keys.manifest_key(model, names[number]), json.dumps(body).encode())

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(copy, range(count)))
    return names
