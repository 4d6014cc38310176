"""The entries of CORS_ORIGINS, and the header names of a preflight."""

import pytest

from predict_api.edge.origins import header_names, origins_in


def test_origins_are_read_as_browsers_send_them() -> None:
    listed = "https://app.example.org, http://localhost:3000,http://[::1]:8080,chrome-extension://abc"
    assert origins_in(listed) == {
        "https://app.example.org",
        "http://localhost:3000",
        "http://[::1]:8080",
        "chrome-extension://abc",
    }
    assert origins_in("*") == {"*"}
    assert origins_in(" ,") == frozenset()


@pytest.mark.parametrize(
    "wrong",
    [
        "app.example.org",
        "https://app.example.org/",
        "https://App.example.org",
        "https://*.example.org",
        "null",
        "https://",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        origins_in(f"https://good.example,{wrong}")


def test_every_origin_is_listed_alone() -> None:
    with pytest.raises(ValueError, match="list it alone"):
        origins_in("*,https://app.example.org")


def test_only_names_of_headers_are_repeated() -> None:
    assert header_names("content-type, x-api-key") == "content-type, x-api-key"
    for wrong in (None, "", "a b", "a\r\nSet-Cookie: b", "a," * 2000):
        assert header_names(wrong) is None
