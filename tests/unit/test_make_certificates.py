"""The certificates of the compose stack: made once, made again in time, and each for the names it is called by."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from changeover.tls.certificates import hosts_of, issue
from changeover.tls.files import Files
from tests.tree import ROOT


@pytest.fixture
def script() -> ModuleType:
    path = ROOT / "deploy" / "secrets_init" / "make_certificates.py"
    spec = importlib.util.spec_from_file_location("make_certificates", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def volumes(tmp_path: Path, script: ModuleType) -> Path:
    for reader in (*script.HOSTS, "ca", "authority"):
        (tmp_path / reader).mkdir()
    return tmp_path


def contents(volumes: Path) -> dict[str, bytes]:
    return {str(file.relative_to(volumes)): file.read_bytes() for file in volumes.glob("*/*")}


def test_a_second_start_changes_nothing(script: ModuleType, volumes: Path) -> None:
    assert script.make(volumes) == ["authority", *script.HOSTS]
    made = contents(volumes)
    assert script.make(volumes) == []
    assert contents(volumes) == made


def test_each_service_can_use_what_it_gets(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    for reader, hosts in script.HOSTS.items():
        folder = volumes / reader
        read = Files(folder / "tls_cert.pem", folder / "tls_key.pem", folder / "tls_ca.pem").read()
        assert hosts_of(read.certificate) == set(hosts)
    both = (volumes / "gateway" / "tls_both.pem").read_bytes()
    assert both == (volumes / "gateway/tls_cert.pem").read_bytes() + (volumes / "gateway/tls_key.pem").read_bytes()


def test_the_key_of_the_authority_is_in_its_own_volume_alone(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    key = (volumes / "ca" / "ca_key.pem").read_bytes()
    assert [name for name, content in contents(volumes).items() if key in content] == ["ca/ca_key.pem"]
    assert [file.name for file in (volumes / "authority").iterdir()] == ["ca.pem"]


def test_only_the_owner_and_the_group_may_read_a_key(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    modes = {str(file.relative_to(volumes)): file.stat().st_mode & 0o777 for file in volumes.glob("*/*")}
    assert modes.pop("authority/ca.pem") == 0o444
    assert set(modes.values()) == {0o440}


def test_further_names_are_those_of_users_alone(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    assert script.make(volumes, "models.example.org, 192.0.2.7") == ["model_server", "gateway"]
    gateway = hosts_of((volumes / "gateway" / "tls_cert.pem").read_bytes())
    assert {"models.example.org", "192.0.2.7"} <= gateway
    assert script.make(volumes, "models.example.org, 192.0.2.7") == []


def test_a_certificate_that_ends_soon_is_made_again_by_the_same_authority(script: ModuleType, volumes: Path) -> None:
    script.make(volumes)
    before = contents(volumes)
    authority = script.Pair(before["ca/ca_cert.pem"], before["ca/ca_key.pem"])
    soon = issue(authority, "predict_api", script.HOSTS["predict_api"], days=29)
    for name, content in (("cert", soon.certificate), ("key", soon.key)):
        file = volumes / "predict_api" / f"tls_{name}.pem"
        file.unlink()
        file.write_bytes(content)
    assert script.make(volumes) == ["predict_api"]
    after = contents(volumes)
    assert {name for name in after if after[name] != before[name]} == {
        "predict_api/tls_cert.pem", "predict_api/tls_key.pem",
    }  # fmt: skip
