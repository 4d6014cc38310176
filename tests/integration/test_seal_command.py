"""`changeover seal` on a registry that exists, the change of keys, and the seals in `changeover verify`."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from changeover.cli.main import main
from changeover.protocol.wire import RolloutState
from changeover.sealed.keys import SigningKey
from object_store import keys
from object_store.bucket import Bucket
from object_store.seal_keys import SEALS
from tests.integration.sealed_server import MODEL, current, forge_entry, no_alarm, problems, published, rolled
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer


def types(server: ModelServer, *words: str, code: int | None = 0) -> Result:
    environment = {"CHANGEOVER_TOKEN": PUBLISH_TOKEN, "CHANGEOVER_PREDICT_URL": "http://127.0.0.1:1"}
    result = CliRunner().invoke(main, [*words, "--server-url", server.url], env=environment)
    assert code in {None, result.exit_code}, result.output
    return result


def checks(server: ModelServer, *words: str) -> dict[str, tuple[bool | None, str]]:
    """The checks of `verify`; predict_api does not run."""
    result = types(server, "verify", *words, "--json", code=None)
    body: dict[str, Any] = json.loads(result.stdout)
    return {check["name"]: (check["ok"], check["detail"]) for check in body["checks"]}


def sealed(server: ModelServer, keys_file: Path, code: int = 0) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(types(server, "seal", "--keys-file", str(keys_file), "--json", code=code).stdout)
    return body


def restarted(server: ModelServer, key: Path, keys_file: Path | None) -> None:
    server.end()
    server.start(REGISTRY_KEY_FILE=str(key), REGISTRY_KEYS_FILE=str(keys_file or ""))


def test_a_registry_is_sealed_once_and_serves_meanwhile(
    server: ModelServer, seaweed_bucket: Bucket, tmp_path: Path
) -> None:
    rolled(server, 1)
    second = rolled(server, 2)
    rolled(server, 3, "fraud")
    keys_file = tmp_path / "keys"
    assert "no-registry-key" in types(server, "seal", "--json", code=1).stderr
    restarted(server, tmp_path / "key", None)
    body = sealed(server, keys_file)
    assert (body["sealed"], body["kept"], body["refused"], sorted(body["models"])) == (6, 0, [], ["fraud", MODEL])
    assert keys_file.read_text() == f"{SigningKey.read(tmp_path / 'key').public.text}\n"
    assert current(server) == (2, second)
    again = sealed(server, keys_file)
    assert (again["sealed"], again["kept"]) == (0, 6)
    assert len(keys_file.read_text().splitlines()) == 1
    restarted(server, tmp_path / "key", keys_file)
    assert current(server) == (2, second)
    assert rolled(server, 4)
    assert problems(server) == {}
    seals = checks(server, "--keys-file", str(keys_file))
    assert seals["seal of the manifest"][0], seals
    assert seals["chain of the ledger"] == (True, "3 entries, each names the one before it")
    assert "chain of the ledger" not in checks(server)  # a key from the server would prove nothing


def test_what_contradicts_itself_gets_no_seal(server: ModelServer, seaweed_bucket: Bucket, tmp_path: Path) -> None:
    first, second = rolled(server, 1), published(server, 2)
    swapped = seaweed_bucket.read(keys.artifact_key(MODEL, first), 10**7)
    seaweed_bucket.write(keys.artifact_key(MODEL, second), swapped)
    seaweed_bucket.create(keys.rollout_key(MODEL, 2), b"no json")
    restarted(server, tmp_path / "key", None)
    body = sealed(server, tmp_path / "keys", code=1)
    refused = {each["key"]: each["reason"] for each in body["refused"]}
    assert set(refused) == {keys.manifest_key(MODEL, second), keys.rollout_key(MODEL, 2)}
    assert keys.artifact_key(MODEL, second) in refused[keys.manifest_key(MODEL, second)]


def test_a_sealed_registry_is_not_sealed_again(server: ModelServer, seaweed_bucket: Bucket, tmp_path: Path) -> None:
    first = rolled(server, 1)
    restarted(server, tmp_path / "key", None)
    sealed(server, tmp_path / "keys")
    restarted(server, tmp_path / "key", tmp_path / "keys")
    forged = forge_entry(seaweed_bucket, 2, first)
    body = sealed(server, tmp_path / "keys", code=1)
    assert (body["sealed"], body["kept"], [each["key"] for each in body["refused"]]) == (0, 2, [forged])


def test_a_key_is_changed_by_overlap_and_the_old_one_is_revoked(
    server: ModelServer, seaweed_bucket: Bucket, tmp_path: Path
) -> None:
    """Fault 83: the private key is replaced."""
    old, new, keys_file = tmp_path / "old", tmp_path / "new", tmp_path / "keys"
    rolled(server, 1)
    restarted(server, old, None)
    sealed(server, keys_file)
    restarted(server, old, keys_file)
    second = rolled(server, 2)
    made = CliRunner().invoke(main, ["registry-key", "new", "--key-file", str(new)])
    assert made.exit_code == 0, made.output
    with keys_file.open("a") as file:
        file.write(made.stdout)
    restarted(server, new, keys_file)
    assert current(server) == (2, second)
    body = sealed(server, keys_file)
    assert (body["sealed"], body["kept"], body["refused"]) == (4, 0, [])
    third = rolled(server, 3)
    old_seals = [item.key for item in seaweed_bucket.list(SEALS) if SigningKey.read(old).id in item.key]
    assert len(old_seals) == 4
    keys_file.write_text(made.stdout)  # the line of the old key is removed
    restarted(server, new, keys_file)
    assert current(server) == (3, third)
    no_alarm(server)
    shown = CliRunner().invoke(main, ["registry-key", "show", "--key-file", str(new)])
    assert shown.stdout.split()[0] == made.stdout.split()[0]


def test_verify_names_what_was_forged_since(server: ModelServer, seaweed_bucket: Bucket, tmp_path: Path) -> None:
    keys_file = tmp_path / "keys"
    restarted(server, tmp_path / "key", None)
    first, second = rolled(server, 1), rolled(server, 2)
    sealed(server, keys_file)
    assert checks(server, "--keys-file", str(keys_file))["chain of the ledger"][0]
    forged = forge_entry(seaweed_bucket, 1, second)
    ok, detail = checks(server, "--keys-file", str(keys_file))["chain of the ledger"]
    assert (ok, forged in detail) == (False, True)
    seaweed_bucket.delete(forged)
    ok, detail = checks(server, "--keys-file", str(keys_file))["chain of the ledger"]
    assert (ok, forged in detail) == (False, True)
    key = keys.manifest_key(MODEL, second)
    seaweed_bucket.write(key, seaweed_bucket.read(key, 10**6) + b" ")
    ok, detail = checks(server, "--keys-file", str(keys_file))["seal of the manifest"]
    assert (ok, key in detail) == (False, True)
    other = SigningKey.make(tmp_path / "other")
    keys_file.write_text(other.public.text)
    assert not checks(server, first, "--keys-file", str(keys_file))["seal of the manifest"][0]
    assert server.roll(first).json()["state"] == RolloutState.COMMITTED  # this registry is not sealed
