"""The lines of TOKENS_FILE, and the error of each line that is none."""

import pytest

from changeover.exceptions import InvalidTokens
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken, digest_of, tokens_in, without

A, B = "a" * 64, "b" * 64
TEXT = f"# people\nann@example.org:roll:{A}\n\n  ci:publish:{B}  \n"


def test_each_line_is_a_token_and_comments_are_none() -> None:
    assert tokens_in(TEXT) == [NamedToken("ann@example.org", Role.ROLL, A), NamedToken("ci", Role.PUBLISH, B)]
    assert tokens_in("") == []


def test_a_token_and_its_line_are_each_others_inverse() -> None:
    token = NamedToken.of("ann", Role.ADMIN, "secret")
    assert tokens_in(token.line) == [token]
    assert token.sha256 == digest_of("secret")
    assert "secret" not in token.line


def test_a_line_is_removed_by_its_name_and_the_rest_stays() -> None:
    assert without(TEXT, "ci") == f"# people\nann@example.org:roll:{A}\n\n"
    assert without(TEXT, "c") == TEXT


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ann:roll", "name:role:sha256"),
        (f"ann:roll:{A}:x", "name:role:sha256"),
        (f"ann:boss:{A}", "none of read, publish, roll, admin"),
        (f"ann:Roll:{A}", "none of read"),
        (f"ann:roll:{A[1:]}", "64 lowercase hex digits"),
        (f"ann:roll:{'A' * 64}", "64 lowercase hex digits"),
        ("ann:roll:my-secret-token", "64 lowercase hex digits"),
        (f":roll:{A}", "no name"),
        (f"an n:roll:{A}", "no name"),
        (f"model_server:roll:{A}", "no name"),
        (f"{'a' * 129}:roll:{A}", "no name"),
        (f"ci:roll:{A}", "line 3 has the same name"),
        (f"eve:roll:{B}", "line 3 has the same token"),
    ],
)
def test_a_line_that_is_no_token_is_named(line: str, reason: str) -> None:
    with pytest.raises(InvalidTokens, match=reason) as refusal:
        tokens_in(f"# first\n\nci:publish:{B}\n{line}\n")
    assert "line 4" in str(refusal.value)
    assert "secret" not in str(refusal.value)
