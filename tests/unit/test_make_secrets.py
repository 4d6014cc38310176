"""The secrets of the compose stack: made once, equal for all readers of the same secret, never changed."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from changeover.sealed.keys import SigningKey
from changeover.sealed.trust import trust_of
from tests.tree import ROOT


@pytest.fixture
def script() -> ModuleType:
    path = ROOT / "deploy" / "secrets_init" / "make_secrets.py"
    spec = importlib.util.spec_from_file_location("make_secrets", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def volumes(tmp_path: Path, script: ModuleType) -> Path:
    for reader in script.READERS:
        (tmp_path / reader).mkdir()
    return tmp_path


def contents(volumes: Path) -> dict[str, str]:
    return {str(file.relative_to(volumes)): file.read_text() for file in volumes.glob("*/*")}


def test_a_second_start_changes_nothing(script: ModuleType, volumes: Path) -> None:
    assert script.make(volumes) == list(script.LENGTHS)
    made = contents(volumes)
    assert script.make(volumes) == []
    assert contents(volumes) == made


def test_each_reader_has_its_own_secrets_and_shares_what_is_shared(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    made = contents(volumes)
    assert set(made) == {f"{reader}/{name}" for reader, names in script.READERS.items() for name in names}
    assert made["predict_api/report_token"] == made["model_server/report_token"]
    assert len(set(made.values())) == len(script.LENGTHS)
    assert all(len(made[key]) == script.LENGTHS[key.partition("/")[2]] for key in made)


def test_only_the_owner_and_the_group_may_read_a_secret(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    assert {file.stat().st_mode & 0o777 for file in volumes.glob("*/*")} == {0o440}


def test_a_lost_copy_is_made_from_the_one_that_is_left(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    made = contents(volumes)
    (volumes / "predict_api" / "report_token").unlink()
    assert script.make(volumes) == []
    assert contents(volumes) == made


def test_copies_that_differ_stop_the_start(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    copy = volumes / "predict_api" / "report_token"
    copy.unlink()
    copy.write_text("another")
    with pytest.raises(SystemExit, match="report_token"):
        script.make(volumes)


def registry(volumes: Path, reader: str) -> str:
    return (volumes / reader / "registry_keys").read_text()


def test_a_new_stack_is_sealed_by_a_key_that_model_server_alone_has(script: ModuleType, volumes: Path) -> None:
    script.make_registry(volumes, sealed=True)
    key = SigningKey.read(volumes / "model_server" / "registry_key")
    assert registry(volumes, "model_server") == registry(volumes, "predict_api") == f"{key.public.text}\n"
    assert not (volumes / "predict_api" / "registry_key").exists()
    made = contents(volumes)
    assert script.make_registry(volumes, sealed=False) == []
    assert contents(volumes) == made


def test_a_stack_of_an_earlier_release_is_sealed_when_its_operator_says_so(script: ModuleType, volumes: Path) -> None:
    script.make_registry(volumes, sealed=False)
    assert {registry(volumes, reader) for reader in ("model_server", "predict_api")} == {"unsealed\n"}
    assert trust_of(volumes / "predict_api" / "registry_keys") is None
    script.make_registry(volumes, sealed=True)
    key = SigningKey.read(volumes / "model_server" / "registry_key")
    trust = trust_of(volumes / "predict_api" / "registry_keys")
    assert trust is not None
    assert trust.key_ids == [key.id]


@pytest.mark.parametrize("seed", [bytes(32), b"1" * 32, bytes(range(32)), b"\xff" * 32])
def test_the_public_key_is_that_of_the_library(script: ModuleType, seed: bytes) -> None:
    assert script.public_key(seed) == SigningKey.from_seed(seed).public.raw
