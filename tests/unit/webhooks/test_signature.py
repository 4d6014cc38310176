import base64

import pytest

from model_server.webhooks.signature import keys_in, signature

# the test vector of the libraries of Standard Webhooks
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def sign(secrets: str) -> str:
    return signature(keys_in(secrets), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')


def test_the_signature_is_that_of_the_specification() -> None:
    assert sign(SECRET) == SIGNED


def test_each_of_two_secrets_signs() -> None:
    other = "whsec_" + base64.b64encode(b"k" * 24).decode()
    assert sign(f"{other} {SECRET}").split(" ") == [sign(other), SIGNED]


@pytest.mark.parametrize(
    "secret", ["a plain text", "whsec_", "whsec_c2hvcnQ=", "whsec_!", SECRET.removeprefix("whsec_")]
)
def test_another_form_of_a_secret_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(ValueError, match=r"^secret 1 is not whsec_ and the base64 of 24 to 64") as refused:
        keys_in(secret)
    assert "c2hvcnQ" not in str(refused.value)
