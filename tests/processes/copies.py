"""Many models in a bucket within seconds: copies of one that was published, under other names.

A publish examines the artifact each time. Copies are for tests and measurements of many models, not of publishing. A
model_server that starts later has them as models with one rollout.
"""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from object_store import keys
from object_store.bucket import Bucket
from object_store.objects import Created

LARGEST = 64 * 1024 * 1024  # bytes of an object
ROLLED_AT = "2026-01-31T12:00:00.000000Z"


def copy_model(bucket: Bucket, source: str, version: str, names: Iterable[str]) -> None:
    """Give each of `names` the version of the model `source`, as its current one."""
    prefix = keys.version_prefix(source, version)
    content = {item.key.removeprefix(prefix): bucket.read(item.key, LARGEST) for item in bucket.list(prefix)}
    manifests = {name: json.loads(content.pop(name)) for name in list(content) if keys.parse_manifest(prefix + name)}

    def copy(name: str) -> None:
        target = keys.version_prefix(name, version)
        for part, body in content.items():
            bucket.create(f"{target}{part}", body)
        for part, manifest in manifests.items():
            created = bucket.create(f"{target}{part}", json.dumps({**manifest, "model": name}).encode())
            assert created is Created.YES, f"model {name} is in the bucket already"
        entry = {"sequence": 1, "version": version, "rolled_at": ROLLED_AT}
        bucket.create(keys.rollout_key(name, 1), json.dumps(entry).encode())
        bucket.write(keys.current_key(name), json.dumps({"sequence": 1, "lease_ms": 0}).encode())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(copy, names))
