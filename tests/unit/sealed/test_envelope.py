"""The envelope of DSSE, with the vectors of its specification, and ed25519 with those of RFC 8032."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from changeover.exceptions import SealBroken
from changeover.sealed.envelope import Envelope, decode, pae
from changeover.sealed.keys import SigningKey

# https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#test-vectors
TYPE, BODY = "http://example.com/HelloWorld", b"hello world"
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
SPECIFIED = {
    "payload": "aGVsbG8gd29ybGQ=",
    "payloadType": TYPE,
    "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}],
}
# RFC 8032, 7.1: secret key, public key, message, signature
ED25519 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ),
]


def test_the_encoding_of_the_specification() -> None:
    assert pae(TYPE, BODY) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("", b"") == b"DSSEv1 0  0 "
    assert pae("é", b"x").startswith(b"DSSEv1 2 \xc3\xa9 ")  # lengths are those of bytes


def test_the_signature_of_the_specification_is_over_the_bytes_that_we_take_as_signed() -> None:
    envelope = Envelope.read(json.dumps(SPECIFIED).encode())
    assert envelope.body == BODY
    signature = decode(envelope.signatures[0].sig)
    pair = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    key.verify(encode_dss_signature(*pair), envelope.signed, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(("secret", "public"), ED25519)
def test_the_keys_of_the_rfc(secret: str, public: str) -> None:
    key = SigningKey.from_seed(bytes.fromhex(secret))
    assert key.public.raw.hex() == public
    envelope = key.sign(TYPE, BODY)
    assert key.public.has_signed(envelope)
    assert Envelope.read(envelope.encode()) == envelope


def test_both_alphabets_of_base64_are_read() -> None:
    assert decode("-_-_") == decode("+/+/") == base64.b64decode("+/+/")


def test_any_change_of_an_envelope_ends_its_signature() -> None:
    key = SigningKey.from_seed(b"1" * 32)
    envelope = key.sign(TYPE, BODY)
    other = SigningKey.from_seed(b"2" * 32)
    changed = [
        Envelope(base64.b64encode(b"hello world!").decode(), TYPE, envelope.signatures),
        Envelope(envelope.payload, f"{TYPE}/", envelope.signatures),
        Envelope(envelope.payload, TYPE, other.sign(TYPE, BODY).signatures),
    ]
    assert [key.public.has_signed(each) for each in changed] == [False, False, False]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"payload": "", "payloadType": "t", "signatures": []}',
        b'{"payload": 1, "payloadType": "t", "signatures": [{"sig": ""}]}',
        b"[" * 10_000,
        b" " * 100_000,
    ],
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(SealBroken):
        Envelope.read(body)


def test_a_payload_that_is_no_base64_is_refused() -> None:
    envelope = Envelope.read(b'{"payload": "***", "payloadType": "t", "signatures": [{"sig": ""}]}')
    with pytest.raises(SealBroken):
        SigningKey.from_seed(b"1" * 32).public.has_signed(envelope)
