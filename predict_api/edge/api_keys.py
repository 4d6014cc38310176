"""API keys: the entries of KEYS_FILE, and the entry of a key that a request sends.

    {"keys": [{"name": "billing", "sha256": "<64 hex digits>", "requests_per_second": 50, "burst": 100,
               "models": ["segmentation"]}]}

The file has the SHA-256 of each key, never the key. Messages name the file's entry, and repeat no digest: a key may stand
there by mistake.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from changeover.exceptions import ChangeoverError
from changeover.names import check_model_name
from predict_api.exceptions import InvalidKeys, ModelNotAllowed, NoValidKey

# Probes, which tell nothing about models: they need no key. Some are of other protocols.
OPEN: Final = frozenset({"/livez", "/readyz", "/metrics", "/ping", "/health", "/v2/health/live", "/v2/health/ready"})
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"  # it becomes a label of metrics and the name of a file
_LARGEST: Final = 1_000_000.0  # requests per second, and requests of a burst
_Rate = Annotated[float, Meta(gt=0, le=_LARGEST)]
_Burst = Annotated[float, Meta(ge=1, le=_LARGEST)]


class Caller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller that an API key stands for.

    Without `requests_per_second` it has no limit; without `burst` this is one second's requests. Without `models` it may
    use every model.
    """

    name: Annotated[str, Meta(pattern=_NAME)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    requests_per_second: _Rate | None = None
    burst: _Burst | None = None
    models: tuple[str, ...] | None = None

    def may_use(self, model: str) -> bool:
        """Whether the key is for `model`."""
        return self.models is None or model in self.models

    def check(self, model: str) -> None:
        """Raise ModelNotAllowed if the key is not for `model`."""
        if not self.may_use(model):
            raise ModelNotAllowed(
                f"the key of {self.name!r} is not for model {model!r}; its operator lists the models of a key in KEYS_FILE"
            )


class ApiKeys:
    """The keys of one reading of the file. `secret` is a random value of this process, of 32 bytes.

    A caller is found by a hash of the key under `secret`. No caller can choose that hash, so the time of the search tells
    nothing about the digests in the file. The digests are then compared in constant time.
    """

    def __init__(self, callers: Sequence[Caller], secret: bytes) -> None:
        self._secret = secret
        self._callers = {self._mark(bytes.fromhex(caller.sha256)): caller for caller in callers}

    def __len__(self) -> int:
        return len(self._callers)

    def caller(self, key: str) -> Caller:
        """The caller whose key this is; raises NoValidKey."""
        # WSGI decodes headers as Latin-1: these are the bytes that came
        digest = hashlib.sha256(key.encode("latin-1", "replace")).digest()
        caller = self._callers.get(self._mark(digest))
        if caller is None or not hmac.compare_digest(digest, bytes.fromhex(caller.sha256)):
            raise NoValidKey("the API key is not one of this service; ask its operator for one")
        return caller

    def _mark(self, digest: bytes) -> bytes:
        return hashlib.blake2b(digest, key=self._secret, digest_size=16).digest()


def read_callers(text: bytes) -> list[Caller]:
    """The entries of KEYS_FILE; raises InvalidKeys, whose message names the entry."""
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except ValueError as error:
        raise InvalidKeys(f"it is not JSON: {_place(error)}") from None
    if not isinstance(document, dict) or set(document) != {"keys"} or not isinstance(document["keys"], list):
        raise InvalidKeys('it is not an object with one member, "keys", a list of entries')
    callers = [_caller(entry, index) for index, entry in enumerate(document["keys"], start=1)]
    _refuse_twins(callers)
    return callers


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidKeys(f"an object has the member {twice!r} twice")
    return members


def _caller(entry: object, index: int) -> Caller:
    name = entry.get("name") if isinstance(entry, dict) else None
    where = f"entry {index}" + (f" ({name[:63]!r})" if isinstance(name, str) else "")
    try:
        caller = msgspec.convert(entry, Caller)
        for model in caller.models or ():
            check_model_name(model)
    except (msgspec.ValidationError, ChangeoverError) as error:
        raise InvalidKeys(f"{where}: {_with_hint(str(error))}") from None
    if caller.burst is not None and caller.requests_per_second is None:
        raise InvalidKeys(f"{where}: burst needs requests_per_second beside it")
    return caller


def _with_hint(message: str) -> str:
    if "$.sha256" in message:
        return 'sha256 is not 64 lowercase hex digits: printf %s "$KEY" | sha256sum prints those of a key'
    return message.replace("`", "").replace("$.", "")


def _refuse_twins(callers: Sequence[Caller]) -> None:
    names: dict[str, int] = {}
    digests: dict[str, int] = {}
    for index, caller in enumerate(callers, start=1):
        for kind, value, seen in (("name", caller.name, names), ("key", caller.sha256, digests)):
            first = seen.setdefault(value, index)
            if first != index:
                raise InvalidKeys(f"entry {index} ({caller.name!r}): entry {first} has the same {kind}")


def _place(error: ValueError) -> str:
    """The position of an error of JSON, without the text around it."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in line {error.lineno}, column {error.colno}"
    return "it is not UTF-8"
