"""The certificates of `changeover up --tls`: kept over starts, private, and made again before they end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from changeover.tls.certificates import ends_at, hosts_of, issue, make_authority
from changeover.up.exceptions import CannotStart
from changeover.up.own_tls import HOSTS, authorities_of, own_certificates


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_they_are_made_once_and_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    settings = own_certificates(folder)
    made = contents(folder)
    assert own_certificates(folder) == settings
    assert contents(folder) == made
    assert hosts_of(Path(settings["TLS_CERT"]).read_bytes()) == set(HOSTS)
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}
    assert authorities_of(settings).encode() == made["ca.pem"]


def test_a_certificate_that_ends_soon_is_made_again_by_the_same_authority(tmp_path: Path) -> None:
    settings = own_certificates(tmp_path)
    authority = (tmp_path / "ca.pem").read_bytes()
    old = make_authority("old")
    soon = issue(old, "changeover", HOSTS, days=29)
    Path(settings["TLS_CERT"]).write_bytes(soon.certificate)
    Path(settings["TLS_KEY"]).write_bytes(soon.key)
    own_certificates(tmp_path)
    assert ends_at(Path(settings["TLS_CERT"]).read_bytes()) > datetime.now(UTC) + timedelta(days=300)
    assert (tmp_path / "ca.pem").read_bytes() == authority


def test_a_certificate_from_elsewhere_needs_its_authority() -> None:
    assert authorities_of({}) == ""
    with pytest.raises(CannotStart, match="TLS_CA"):
        authorities_of({"TLS_CERT": "/c"})
    with pytest.raises(CannotStart, match="/missing"):
        authorities_of({"TLS_CERT": "/c", "TLS_CA": "/missing"})
