"""Allowed host names of a service: loopback, the bound address, and the entries of ALLOWED_HOSTS."""

import pytest

from changeover.exceptions import InvalidSetting
from changeover.protocol.allowed_hosts import AllowedHosts
from model_server.settings import ServerSettings
from predict_api.settings import PredictSettings

LOOPBACK = (
    *("localhost", "localhost:5000", "LOCALHOST:80", "localhost.", "localhost.:5000", "127.0.0.1", "127.0.0.1:5000"),
    *("127.8.9.10", "[::1]", "[::1]:5000", "[0:0:0:0:0:0:0:1]:80"),
)
REFUSED = (
    *("evil.example", "evil.example:5000", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost"),
    *(
        "10.0.0.1",
        "[fd00::1]:5000",
        "0.0.0.0",
        "[::]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "::1",
        "[::1",
        "[evil.example]",
    ),
    *(
        " ",
        ":5000",
        "a@127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1/x",
        "localhost, evil.example",
        "localhost:x",
    ),
    *("localhost:", "localhost:99999999", "localhost..", "xn--80ak6aa92e.com", "l\u00f6calhost", "a" * 5000),
)


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_is_allowed_without_a_setting(host: str) -> None:
    assert AllowedHosts("", "127.0.0.1").allow(host)


@pytest.mark.parametrize("host", REFUSED)
def test_any_other_name_is_refused(host: str) -> None:
    for bound in ("127.0.0.1", "0.0.0.0", "::"):
        assert not AllowedHosts("", bound).allow(host)


def test_listed_names_are_also_allowed_with_any_port_and_in_any_case() -> None:
    hosts = AllowedHosts(" Models.example.org. , 192.168.1.7,[fd00::7],fd00::8, ,predict_api,10.42.0.0/16", "0.0.0.0")
    for host in ("models.EXAMPLE.org:443", "models.example.org.", "192.168.1.7:5000", "[FD00:0::7]", "[fd00::8]:1"):
        assert hosts.allow(host), host
    assert hosts.allow("predict_api:5000")
    assert hosts.allow("10.42.7.1:5000")
    assert not hosts.allow("10.43.7.1:5000")
    assert hosts.allow("127.0.0.1:5000")
    for host in ("example.org", "a.models.example.org", "192.168.1.8", "[fd00::9]"):
        assert not hosts.allow(host), host


def test_a_leading_dot_allows_every_name_below_a_domain() -> None:
    hosts = AllowedHosts(".example.org", "127.0.0.1")
    assert hosts.allow("example.org")
    assert hosts.allow("a.b.example.org:80")
    assert not hosts.allow("badexample.org")


def test_an_asterisk_allows_all() -> None:
    assert all(AllowedHosts("*", "0.0.0.0").allow(host) for host in (*LOOPBACK, *REFUSED))


def test_the_address_that_is_bound_is_allowed_and_all_addresses_are_none() -> None:
    assert AllowedHosts("", "192.168.1.7").allow("192.168.1.7:5000")
    assert AllowedHosts("", "Models.lan").allow("models.lan:5000")
    assert not AllowedHosts("", "*").allow("evil.example")
    assert not AllowedHosts("", "0.0.0.0").allow("0.0.0.0:5000")


def test_a_request_without_a_host_comes_from_no_browser() -> None:
    assert AllowedHosts("", "127.0.0.1").allow(None)
    assert AllowedHosts("", "127.0.0.1").allow("")  # the WSGI server passes a missing header as an empty string


def test_the_cache_of_names_from_callers_is_bounded() -> None:
    hosts = AllowedHosts("", "127.0.0.1")
    for number in range(10_000):
        hosts.allow(f"host-{number}.example")
        hosts.allow(f"localhost:{number}")
    assert hosts.remembered <= 1000


@pytest.mark.parametrize(
    "wrong", ["http://models.example.org", "models.example.org:443", "a b", "*.example.org", "a/b"]
)
@pytest.mark.parametrize("settings", [ServerSettings, PredictSettings])
def test_an_entry_that_is_no_name_is_an_error_that_names_it(
    settings: type[ServerSettings | PredictSettings], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for token in ("PUBLISH_TOKEN", "REPORT_TOKEN"):
        monkeypatch.setenv(token, "0123456789abcdef")
    monkeypatch.setenv("ALLOWED_HOSTS", f"localhost,{wrong}")
    with pytest.raises(InvalidSetting, match="ALLOWED_HOSTS") as refusal:
        settings.from_environment()
    assert wrong in str(refusal.value)
