"""The identity of a replica: a secret that fits its id, or the secret of its first report."""

import pytest

from changeover.names import REPLICA
from changeover.protocol.replica_identity import belongs, digest_of, new_identity


@pytest.mark.parametrize("host", ["web-1", "a_host.example", "-", "", "h" * 200, "höst\x1b\n", "fe80::1"])
def test_an_id_can_be_part_of_an_address_whatever_the_host_is_called(host: str) -> None:
    assert REPLICA.fullmatch(new_identity(host, 4_000_000).id)


def test_an_id_belongs_to_its_secret_only_whichever_report_was_first() -> None:
    own, other = new_identity("h", 1), new_identity("h", 1)
    for known in (None, "", digest_of(other.secret), digest_of(own.secret)):
        assert belongs(own.id, digest_of(own.secret), known)
        assert not belongs(own.id, digest_of(other.secret), known)
        assert not belongs(own.id, digest_of(""), known)


def test_another_id_belongs_to_the_secret_of_its_first_report_or_to_none() -> None:
    for known, digest, mine in (
        (None, digest_of("a"), True),
        (None, "", True),
        ("", "", True),
        ("", digest_of("a"), False),
        (digest_of("a"), digest_of("a"), True),
        (digest_of("a"), digest_of("b"), False),
        (digest_of("a"), "", False),
    ):
        assert belongs("host-1-abcdef", digest, known) is mine


def test_a_secret_is_no_part_of_what_is_shown() -> None:
    own = new_identity("h", 1)
    assert own.secret not in repr(own)
    assert own.secret[:8] not in own.id
