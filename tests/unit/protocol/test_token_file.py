"""The lines of TOKENS_FILE, and the error of each line that is none."""

from datetime import UTC, datetime, timedelta

import pytest

from changeover.exceptions import InvalidTokens
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken, digest_of, end_of, rotated, tokens_in, without

A, B, C, D = (letter * 64 for letter in "abcd")
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
        (f"ci:roll:{A} until=2026-12-31", "another role or models"),
        (f"ci:publish:{A} models=loan until=2026-12-31", "another role or models"),
        (f"ann:roll:{A} until=tomorrow", "'tomorrow' is no end"),
        (f"ann:roll:{A} until=2026-12-31T12:00:00", "is no end"),
        (f"ann:roll:{A} models=", "models=: "),
        (f"ann:roll:{A} models=loan,my-secret/token", "models=loan"),
        (f"ann:roll:{A} until=2026-12-31 until=2027-12-31", "once each; not 'until'"),
        (f"ann:roll:{A} admin", "after the hash only until=TIME and models=a,b may stand"),
    ],
)
def test_a_line_that_is_no_token_is_named(line: str, reason: str) -> None:
    with pytest.raises(InvalidTokens, match=reason) as refusal:
        tokens_in(f"# first\n\nci:publish:{B}\n{line}\n")
    assert "line 4" in str(refusal.value)
    assert "my-secret-token" not in str(refusal.value)


def test_a_token_has_an_end_and_models() -> None:
    (token,) = tokens_in(f"ci : publish : {A}  models=loan,fraud  until=2026-12-31T12:00:00+01:00\n")
    assert token.models == {"loan", "fraud"}
    assert token.line == f"ci:publish:{A} until=2026-12-31T11:00:00Z models=fraud,loan"
    assert tokens_in(token.line) == [token]
    assert [token.has_ended(datetime(2026, 12, 31, hour, tzinfo=UTC)) for hour in (10, 11, 12)] == [False, True, True]


def test_a_date_is_the_last_day_of_a_token() -> None:
    assert end_of("2026-12-31") == datetime(2027, 1, 1, tzinfo=UTC)
    assert end_of("2026-12-31T00:00:00Z") == datetime(2026, 12, 31, tzinfo=UTC)


def test_the_old_token_ends_after_the_overlap_and_not_later_than_before() -> None:
    time = datetime(2026, 11, 27, 12, tzinfo=UTC)
    ends = time + timedelta(hours=24)
    text = f"# people\nann:roll:{A}\nci:publish:{B}"
    new = NamedToken("ann", Role.ROLL, C)
    first = rotated(text, new, ends, time)
    assert first == f"# people\nann:roll:{A} until=2026-11-28T12:00:00Z\nci:publish:{B}\nann:roll:{C}\n"
    second = rotated(first, NamedToken("ann", Role.ROLL, D), ends + timedelta(hours=1), time + timedelta(hours=1))
    assert [each.until_text for each in tokens_in(second) if each.name == "ann"] == [
        *("2026-11-28T12:00:00Z", "2026-11-28T13:00:00Z", "")
    ], "an earlier end stays"
    third = rotated(second, NamedToken("ann", Role.ROLL, "e" * 64), ends + timedelta(days=9), ends)
    assert [each.sha256 for each in tokens_in(third) if each.name == "ann"] == [C, D, "e" * 64], "one that ended goes"
