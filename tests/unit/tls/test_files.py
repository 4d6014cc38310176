"""The files of certificates: each fault names the file, the setting and the next step, and none is used by half."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from changeover.exceptions import InvalidSetting
from changeover.tls.certificates import Pair, issue, make_authority
from changeover.tls.files import Content, Files

AUTHORITY = make_authority("tests")
OWN = issue(AUTHORITY, "own", ["localhost"])


def stored(folder: Path, certificate: bytes = OWN.certificate, key: bytes = OWN.key, ca: bytes = b"") -> Files:
    paths = folder / "certificate", folder / "key", folder / "ca"
    for path, content in zip(paths, (certificate, key, ca or AUTHORITY.certificate), strict=True):
        path.write_bytes(content)
    return Files(*paths)


def encrypted(pair: Pair) -> bytes:
    key = serialization.load_pem_private_key(pair.key, None)
    password = serialization.BestAvailableEncryption(b"secret")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, password)


def test_a_set_that_fits_together_is_read(tmp_path: Path) -> None:
    assert stored(tmp_path).read() == Content(OWN.certificate, OWN.key, AUTHORITY.certificate)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"certificate": b"MIIB"}, ["TLS_CERT", "certificate", "PEM", "openssl x509 -inform der"]),
        ({"certificate": AUTHORITY.certificate}, ["TLS_KEY", "/key", "/certificate", "issued together"]),
        ({"certificate": OWN.certificate[:200]}, ["TLS_CERT", "openssl x509 -in"]),
        ({"key": b"nonsense"}, ["TLS_KEY", "openssl pkey -in"]),
        ({"key": encrypted(OWN)}, ["TLS_KEY", "encrypted", "openssl pkey -in"]),
        ({"ca": OWN.key}, ["TLS_CA", "/ca", "PEM"]),
        ({"ca": AUTHORITY.certificate[:200]}, ["TLS_CA", "/ca", "again"]),
    ],
    ids=["DER", "another key", "cut certificate", "no key", "encrypted key", "a key as authority", "cut authority"],
)
def test_a_fault_names_the_file_and_the_next_step(tmp_path: Path, content: dict[str, bytes], words: list[str]) -> None:
    with pytest.raises(InvalidSetting) as refused:
        stored(tmp_path, **content).read()
    assert [word for word in words if word not in str(refused.value)] == []
    assert "PRIVATE KEY" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"TLS_CERT names .*/none, which cannot be read: No such file"):
        Files(tmp_path / "none", tmp_path / "none", None).read()


def test_the_files_for_libraries_are_private_and_removed(tmp_path: Path) -> None:
    with stored(tmp_path).read().as_files() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / "key").stat().st_mode & 0o077 == 0
        assert (folder / "key").read_bytes() == OWN.key
    assert not folder.exists()


def test_a_change_of_any_file_changes_the_marks(tmp_path: Path) -> None:
    files = stored(tmp_path)
    for name in ("certificate", "key", "ca"):
        before = files.marks()
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\n")
        assert files.marks() != before
