"""The certificates of an authority of one's own, as Python's strictest TLS client takes them."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from changeover.tls.certificates import Pair, ends_at, hosts_of, issue, make_authority


def context_of(folder: Path, pair: Pair, authority: Pair, *, server: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=authority.certificate.decode())
    certificate, key = folder / "certificate", folder / "key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    context.load_cert_chain(certificate, key)
    return context


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bytes:
    """What the client reads from the server, which both know each other by then."""
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(10)

    def serve() -> None:
        try:
            with server.wrap_socket(ends[0], server_side=True) as secured:
                secured.sendall(b"hello")
        except ssl.SSLError:
            ends[0].close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ends[1], server_hostname=host) as secured:
            return secured.recv(16)
    finally:
        ends[1].close()
        thread.join()


@pytest.mark.parametrize("host", ["model_server", "127.0.0.1", "::1"])
def test_a_server_and_a_client_of_one_authority_know_each_other(tmp_path: Path, host: str) -> None:
    authority = make_authority("tests")
    own = issue(authority, "server", ["model_server", "127.0.0.1", "::1"])
    server, client = (context_of(tmp_path, own, authority, server=server) for server in (True, False))
    assert shake_hands(server, client, host) == b"hello"


def test_another_name_is_refused(tmp_path: Path) -> None:
    authority = make_authority("tests")
    own = issue(authority, "server", ["model_server"])
    server, client = (context_of(tmp_path, own, authority, server=server) for server in (True, False))
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(server, client, "predict_api")


def test_another_authority_of_the_same_name_is_refused(tmp_path: Path) -> None:
    authority, other = make_authority("tests"), make_authority("tests")
    own = issue(authority, "server", ["model_server"])
    server = context_of(tmp_path, own, authority, server=True)
    client = context_of(tmp_path, own, other, server=False)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"signature|self-signed|issuer"):
        shake_hands(server, client, "model_server")


def test_what_a_certificate_says_can_be_read() -> None:
    own = issue(make_authority("tests"), "server", ["model_server", "127.0.0.1"], days=10)
    assert hosts_of(own.certificate) == {"model_server", "127.0.0.1"}
    assert hosts_of(issue(make_authority("tests"), "client").certificate) == set()
    left = ends_at(own.certificate) - datetime.now(UTC)
    assert timedelta(days=9, hours=23) < left <= timedelta(days=10)


def test_a_key_of_another_authority_signs_nothing() -> None:
    authority, other = make_authority("tests"), make_authority("tests")
    with pytest.raises(ValueError, match="key of the authority"):
        issue(Pair(authority.certificate, other.key), "server")


def test_no_key_is_printed() -> None:
    assert b"PRIVATE" in make_authority("tests").key
    assert "PRIVATE" not in repr(make_authority("tests"))
