"""Outgoing calls over TLS: the authorities they trust, the certificate they present, and the end of a handshake."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from changeover.client.http import HttpCall, probe
from changeover.exceptions import ServiceUnreachable
from changeover.process.clock import now
from changeover.tls.calls import CallContexts, context_of, shake_hands
from changeover.tls.certificates import issue, make_authority
from changeover.tls.files import Content, Files
from tests.unit.tls.secured_server import secured_server, server_context

AUTHORITY, OTHER = make_authority("tests"), make_authority("others")
SERVER = issue(AUTHORITY, "server", ["localhost", "127.0.0.1"])
CALLER = issue(AUTHORITY, "caller")
SETTINGS = ("CHANGEOVER_TLS_CA", "CHANGEOVER_TLS_CERT", "CHANGEOVER_TLS_KEY")


@pytest.fixture(autouse=True)
def _settings_of_tests_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with secured_server(server_context(tmp_path, SERVER)) as port:
        yield port


@pytest.fixture
def mutual(tmp_path: Path) -> Iterator[int]:
    with secured_server(server_context(tmp_path, SERVER, AUTHORITY.certificate)) as port:
        yield port


def in_files(folder: Path, monkeypatch: pytest.MonkeyPatch, **contents: bytes) -> None:
    """Set a setting to a file with this content, for each."""
    for name, content in contents.items():
        path = folder / name
        path.write_bytes(content)
        monkeypatch.setenv(name, str(path))


def test_the_client_trusts_the_authority_of_the_stack(port: int) -> None:
    trusted = AUTHORITY.certificate.decode()
    assert (
        HttpCall(f"https://localhost:{port}", "model_server", authorities=trusted).get("/models")["default"] == "loan"
    )
    answer = probe(f"https://127.0.0.1:{port}/livez", authorities=trusted)
    assert answer is not None
    assert answer.status == 200


def test_the_client_trusts_the_authority_of_its_setting_before_that_of_the_stack(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_files(tmp_path, monkeypatch, CHANGEOVER_TLS_CA=AUTHORITY.certificate)
    call = HttpCall(f"https://localhost:{port}", "model_server", authorities=OTHER.certificate.decode())
    assert call.get("/models")["default"] == "loan"


@pytest.mark.parametrize("trusted", ["", OTHER.certificate.decode()], ids=["public authorities", "another authority"])
def test_a_server_that_is_not_trusted_is_an_error_that_says_so(
    port: int, trusted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle"
    bundle.write_bytes(AUTHORITY.certificate)
    if trusted:  # what another program trusts is nothing that a named authority adds to
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with pytest.raises(ServiceUnreachable, match=r"TLS with model_server .* failed: .*CHANGEOVER_TLS_CA"):
        HttpCall(f"https://localhost:{port}", "model_server", authorities=trusted).get("/models")
    assert probe(f"https://localhost:{port}/livez", authorities=trusted) is None


def test_a_name_that_the_certificate_has_not_is_refused(tmp_path: Path) -> None:
    elsewhere = issue(AUTHORITY, "server", ["model_server"])
    trusted = AUTHORITY.certificate.decode()
    with (
        secured_server(server_context(tmp_path, elsewhere)) as port,
        pytest.raises(ServiceUnreachable, match="mismatch"),
    ):
        HttpCall(f"https://localhost:{port}", "model_server", authorities=trusted).get("/models")


def test_the_client_presents_its_certificate(mutual: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_files(tmp_path, monkeypatch, CHANGEOVER_TLS_CA=AUTHORITY.certificate)
    with pytest.raises(ServiceUnreachable):
        HttpCall(f"https://localhost:{mutual}", "model_server").get("/models")
    in_files(tmp_path, monkeypatch, CHANGEOVER_TLS_CERT=CALLER.certificate, CHANGEOVER_TLS_KEY=CALLER.key)
    assert HttpCall(f"https://localhost:{mutual}", "model_server").get("/models")["default"] == "loan"


def test_contexts_follow_their_files_and_keep_the_last_that_fit(tmp_path: Path, port: int) -> None:
    ca = tmp_path / "ca"
    ca.write_bytes(OTHER.certificate)
    contexts = CallContexts(Files(None, None, ca))

    def handshake() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connected:
            shake_hands(connected, contexts.current(), "localhost", now() + 10).close()

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake()
    ca.write_bytes(AUTHORITY.certificate + OTHER.certificate)
    handshake()
    ca.write_bytes(b"half of a file")
    handshake()
    assert contexts.current() is contexts.current()


def test_a_handshake_ends_at_its_deadline_however_slowly_the_other_side_sends() -> None:
    here, there = socket.socketpair()
    stop = threading.Event()

    def drip() -> None:
        there.sendall(b"\x16\x03\x03\x40\x00")  # the head of a long message, which then comes byte by byte
        while not stop.wait(0.02):
            there.sendall(b"\x00")

    thread = threading.Thread(target=drip)
    thread.start()
    began = now()
    try:
        with pytest.raises((TimeoutError, ssl.SSLError)) as ended:
            shake_hands(here, context_of(Content(authorities=AUTHORITY.certificate)), "localhost", began + 0.3)
    finally:
        stop.set()
        thread.join()
        there.close()
    assert isinstance(ended.value, TimeoutError)
    assert 0.2 < now() - began < 2
