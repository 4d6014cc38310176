"""A model_server of a sealed registry, and what a writer of its bucket without its key can do."""

import json
from collections.abc import Mapping
from pathlib import Path

from changeover.protocol.wire import RolloutState
from changeover.sealed.keys import SigningKey
from object_store import keys
from object_store.bucket import Bucket
from tests.conftest import wait_until
from tests.processes.model_server import ModelServer
from tests.processes.store import Store
from tests.tiny_models import tiny

MODEL = "loan"


def sealed_server(
    store: Store, bucket: str, folder: Path, settings: Mapping[str, str] | None = None
) -> tuple[ModelServer, Path]:
    """A model_server of a sealed registry, not started, and the file of its public keys."""
    folder.mkdir(parents=True, exist_ok=True)
    key_file, keys_file = folder / "registry_key", folder / "registry_keys"
    key, _ = SigningKey.kept(key_file)
    keys_file.write_text(f"{key.public.text}\n")
    names = {"REGISTRY_KEY_FILE": str(key_file), "REGISTRY_KEYS_FILE": str(keys_file)}
    return ModelServer(store, bucket, folder, {**names, **(settings or {})}), keys_file


def published(server: ModelServer, number: int, model: str = MODEL) -> str:
    """Publish the model of this number; its version."""
    return str(server.publish(tiny(number)[0], model).json()["version"])


def rolled(server: ModelServer, number: int, model: str = MODEL) -> str:
    """Publish and roll the model of this number; its version."""
    version = published(server, number, model)
    answer = server.roll(version, model).json()
    assert answer["state"] == RolloutState.COMMITTED, answer
    return version


def current(server: ModelServer, model: str = MODEL) -> tuple[int, str] | None:
    """The current sequence and version by a freshness check, None without one."""
    response = server.get(f"/models/{model}/current")
    return (response.json()["sequence"], response.json()["version"]) if response.status_code == 200 else None


def problems(server: ModelServer) -> dict[str, str]:
    """The problems on `/readyz`."""
    texts: dict[str, str] = server.get("/readyz").json().get("problems", {})
    return texts


def alarm(server: ModelServer, key: str, seconds: float = 15) -> None:
    """Wait for a problem that names this object."""
    wait_until(
        lambda: any(key in f"{name} {text}" for name, text in problems(server).items()), seconds, f"an alarm: {key}"
    )


def no_alarm(server: ModelServer) -> None:
    """Wait until no object is reported."""
    wait_until(lambda: not any("seal" in name or "ledger" in name for name in problems(server)), 15, "no alarm")


def forge_entry(bucket: Bucket, sequence: int, version: str, model: str = MODEL) -> str:
    """Write a well-formed ledger entry over whatever is there; its key."""
    key = keys.rollout_key(model, sequence)
    entry = {"version": version, "previous": None, "rolled_at": "2026-01-01T00:00:00Z", "by": "m", "reason": "mine"}
    bucket.write(key, json.dumps({**entry, "id": "forged"}).encode())
    return key
