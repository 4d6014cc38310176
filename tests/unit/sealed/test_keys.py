"""The files of the registry's keys: what is read, what is refused, and what happens when one changes."""

import subprocess
from pathlib import Path

import pytest

from changeover.exceptions import InvalidKeyFile
from changeover.sealed.key_file import KeyFile, keys_in
from changeover.sealed.keys import PublicKey, SigningKey
from changeover.sealed.trust import trust_of

ONE, TWO = SigningKey.from_seed(b"1" * 32), SigningKey.from_seed(b"2" * 32)


def test_a_key_is_made_once_for_its_owner_only_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "registry" / "key"
    made, new = SigningKey.kept(path)
    assert new
    assert path.stat().st_mode & 0o777 == 0o600
    read, again = SigningKey.kept(path)
    assert (read.id, again) == (made.id, False)
    with pytest.raises(InvalidKeyFile, match="cannot be made"):
        SigningKey.make(path)
    assert SigningKey.read(path).id == made.id
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_the_id_is_what_openssl_says(tmp_path: Path) -> None:
    key = SigningKey.make(tmp_path / "key")
    command = f"openssl pkey -in {tmp_path}/key -pubout -outform DER | sha256sum"
    output = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=30).stdout
    assert output.split()[0] == key.id


def test_a_private_key_is_shown_by_nothing(tmp_path: Path) -> None:
    key = SigningKey.make(tmp_path / "key")
    secret = (tmp_path / "key").read_text().splitlines()[1]
    assert secret not in f"{key!r} {key} {vars(key)!r}"
    (tmp_path / "broken").write_text(f"-----BEGIN PRIVATE KEY-----\n{secret[:-9]}\n")
    with pytest.raises(InvalidKeyFile) as caught:
        SigningKey.read(tmp_path / "broken")
    assert secret[:10] not in str(caught.value)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    command = ["openssl", "genpkey", "-algorithm", "X25519", "-out", str(tmp_path / "key")]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    with pytest.raises(InvalidKeyFile, match="another kind"):
        SigningKey.read(tmp_path / "key")


def test_lines_are_keys_with_their_times() -> None:
    text = (
        f"# team A\n\n{ONE.public.text} from=2026-01-01T00:00:00Z until=2027-01-01T00:00:00Z # old\n{TWO.public.text}\n"
    )
    one, two = keys_in(text)
    assert (one.id, two) == (ONE.id, TWO.public)
    times = ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:01Z", "soon"]
    assert [one.allows(time) for time in times] == [False, True, True, False, False]
    assert two.allows("1970-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no key"),
        ("# nothing\n", "no key"),
        ("ed25519:AAAA", "line 1"),
        ("rsa:" + "A" * 43 + "=", "line 1"),
        (f"\n{ONE.public.text} from=today", "line 2"),
        (f"{ONE.public.text} for=ever", "neither from=TIME"),
        (f"{ONE.public.text} until=2027-01-01T00:00:00", "time zone"),
        (f"{ONE.public.text}\n{ONE.public.text}", "line 2: another line"),
    ],
)
def test_an_invalid_file_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidKeyFile, match=message):
        keys_in(text)


def test_a_changed_file_counts_immediately_and_an_invalid_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(ONE.public.text)
    file = KeyFile(path)
    assert file.keys == [ONE.public]
    replaced(path, f"{ONE.public.text}\n{TWO.public.text}\n")
    assert file.keys == [ONE.public, TWO.public]
    replaced(path, "nonsense")
    assert file.keys == [ONE.public, TWO.public]
    path.unlink()
    assert file.keys == [ONE.public, TWO.public]
    replaced(path, TWO.public.text)
    assert file.keys == [TWO.public]


def test_a_start_without_a_valid_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidKeyFile, match="cannot be read"):
        KeyFile(tmp_path / "keys")
    (tmp_path / "keys").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidKeyFile, match=str(tmp_path)):
        KeyFile(tmp_path / "keys")


def test_only_a_file_that_says_so_is_that_of_a_registry_that_is_not_sealed(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("unsealed\n")
    assert trust_of(path) is None
    for content in ("", "# unsealed\n", "unsealed unsealed", f"unsealed\n{ONE.public.text}"):
        path.write_text(content)
        with pytest.raises(InvalidKeyFile):
            trust_of(path)
    path.unlink()
    with pytest.raises(InvalidKeyFile, match="cannot be read"):
        trust_of(path)
    assert trust_of(None) is None


def test_a_text_and_its_key_are_each_others_inverse() -> None:
    assert PublicKey.read(ONE.public.text) == ONE.public


def replaced(path: Path, text: str) -> None:
    part = path.with_name("part")
    part.write_text(text)
    part.replace(path)
