"""The entries of KEYS_FILE: which are accepted, how errors name them, and how a key finds its caller."""

import hashlib
import json

import pytest

from predict_api.edge.api_keys import ApiKeys, read_callers
from predict_api.exceptions import InvalidKeys, ModelNotAllowed, NoValidKey

SHA256 = hashlib.sha256(b"secret-1").hexdigest()
OTHER = hashlib.sha256(b"secret-2").hexdigest()
ENTRY = {"name": "billing", "sha256": SHA256}


def written(*entries: object) -> bytes:
    return json.dumps({"keys": entries}).encode()


def test_a_key_finds_its_caller_and_any_other_text_none() -> None:
    keys = ApiKeys(read_callers(written(ENTRY, {"name": "web", "sha256": OTHER})), bytes(32))
    assert keys.caller("secret-2").name == "web"
    for key in ("secret-3", SHA256, "", "s\u00e9cret", "\udcff"):
        with pytest.raises(NoValidKey):
            keys.caller(key)


def test_a_key_beyond_ascii_counts_by_the_bytes_that_came() -> None:
    digest = hashlib.sha256("cl\u00e9".encode()).hexdigest()
    keys = ApiKeys(read_callers(written({"name": "web", "sha256": digest})), bytes(32))
    assert keys.caller("cl\u00e9".encode().decode("latin-1")).name == "web"


def test_a_caller_may_use_the_models_of_its_key_or_all_without_a_list() -> None:
    [every, one, none] = read_callers(
        written(
            ENTRY, {"name": "b", "sha256": OTHER, "models": ["loan"]}, {"name": "c", "sha256": "0" * 64, "models": []}
        )
    )
    every.check("loan")
    one.check("loan")
    for caller, model in ((one, "other"), (none, "loan")):
        with pytest.raises(ModelNotAllowed, match=f"'{caller.name}' is not for model '{model}'"):
            caller.check(model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "it is not JSON: .* in line 1, column 2"),
        (b"\xff", "it is not UTF-8"),
        (b"[]", 'one member, "keys"'),
        (b'{"keys": {}}', 'one member, "keys"'),
        (b'{"keys": [], "more": 1}', 'one member, "keys"'),
        (b'{"keys": [], "keys": []}', "member 'keys' twice"),
        (written(ENTRY, 5), "entry 2: Expected object, got int"),
        (written({"sha256": SHA256}), "entry 1: .*name"),
        (written({**ENTRY, "sha256": "the key itself"}), r"entry 1 \('billing'\): sha256 is not 64 .* hex"),
        (written({"name": "billing"}), r"entry 1 \('billing'\): .*sha256"),
        (written({**ENTRY, "name": "a/b"}), "entry 1 .*name"),
        (written({**ENTRY, "requests_per_second": 0}), r"entry 1 \('billing'\): .*requests_per_second"),
        (written({**ENTRY, "requests_per_second": 5, "burst": 0.5}), r"entry 1 \('billing'\): .*burst"),
        (written({**ENTRY, "burst": 5}), r"entry 1 \('billing'\): burst needs requests_per_second"),
        (written({**ENTRY, "models": "loan"}), r"entry 1 \('billing'\): .*models"),
        (written({**ENTRY, "models": ["Loan"]}), r"entry 1 \('billing'\): .*'Loan'"),
        (written({**ENTRY, "rate": 5}), r"entry 1 \('billing'\): .*rate"),
        (written(ENTRY, {**ENTRY, "sha256": OTHER}), r"entry 2 \('billing'\): entry 1 has the same name"),
        (written(ENTRY, {**ENTRY, "name": "web"}), r"entry 2 \('web'\): entry 1 has the same key"),
    ],
)
def test_an_invalid_file_is_refused_with_its_entry_and_without_what_may_be_a_key(text: bytes, message: str) -> None:
    with pytest.raises(InvalidKeys, match=message) as caught:
        read_callers(text)
    assert "the key itself" not in str(caught.value)
