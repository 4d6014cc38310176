"""The call of a freshness check of one model: a conditional `GET /models/{m}/current`, and the reading of its response.

`docs/protocol.md` describes the protocol. Any other response is a failed check: HTML, wrong JSON, an ETag that
contradicts the body, a 304 to a request without `If-None-Match`. `predict_api/upstream/set_check.py` has the check of all
models; this one is for a model that the replica does not know, and for a model_server of an earlier release.
"""

import json
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from changeover.json_documents import read_document
from changeover.json_types import JsonObject
from changeover.names import is_version
from changeover.protocol.replica_identity import ReplicaIdentity
from changeover.protocol.wire import (
    CHECK_ALL,
    LEASE_MS,
    NEXT_VERSION,
    REPLICA_ID,
    REPLICA_SECRET,
    SERVER_INSTANCE,
    Current,
    MalformedAnswer,
)
from changeover.sealed.envelope import Envelope
from predict_api.upstream.connection import Connection, Response

LARGEST_CHECK: Final = 64 * 1024


@dataclass(frozen=True)
class CheckAnswer:
    """The content of a response. `current` is None if the model has no current version; `lease` is in seconds.

    `checks_all`: model_server has the call for all models. `rehearsal` is the id of the rehearsal of `next_version`,
    and `watch` that of the watch of a switch. `seal` is that of the ledger entry of `current`, None without one, or if
    nothing changed.
    """

    current: Current | None
    next_version: str | None
    lease: float
    server_instance: str
    checks_all: bool = False
    rehearsal: str | None = None
    watch: str | None = None
    seal: Envelope | None = None


class CheckCall:
    """The freshness checks of one model over one connection, for one thread."""

    def __init__(self, connection: Connection, model: str, identity: ReplicaIdentity) -> None:
        self._connection = connection
        self._model = model
        self._identity = identity

    def ask(self, active: Current | None, deadline: float) -> CheckAnswer:
        """Check what is current, with `active` as the active version; raises CallFailed or MalformedAnswer."""
        identity = self._identity
        headers = {REPLICA_ID: identity.id, REPLICA_SECRET: identity.secret, "Accept": "application/json"}
        if active is not None:
            headers["If-None-Match"] = active.etag
        path = f"/models/{self._model}/current"
        response = self._connection.call("GET", path, headers, deadline, largest=LARGEST_CHECK)
        return read_answer(response, self._model, active)


def read_answer(response: Response, model: str, active: Current | None) -> CheckAnswer:
    """The content of the response to a check; `active` was in If-None-Match. Raises MalformedAnswer."""
    if response.status == 404:
        if not response.headers.get("content-type", "").startswith("application/problem+json"):
            raise MalformedAnswer("404 to a check, but not from model_server: its content is no problem+json")
        return _answer(response, None)
    if response.status == 304:
        if active is None:
            raise MalformedAnswer("304 to a check that had no If-None-Match")
        if Current.from_etag(response.headers.get("etag", "")) != active:
            raise MalformedAnswer(f"304 with ETag {response.headers.get('etag')}, asked was {active.etag}")
        return _answer(response, active)
    if response.status != 200:
        refuse_status(response.status)
    current = Current.from_etag(response.headers.get("etag", ""))
    try:
        body = json.loads(response.body)
    except ValueError as error:
        raise MalformedAnswer("the answer to a check is no JSON") from error
    members = (body.get("model"), body.get("sequence"), body.get("version")) if isinstance(body, dict) else None
    if members != (model, current.sequence, current.version):
        raise MalformedAnswer(f"the answer to a check has ETag {current.etag}, but its body says {members}")
    return replace(_answer(response, current), seal=_seal(body))


def _seal(body: JsonObject) -> Envelope | None:
    """The seal in the body of a response; raises MalformedAnswer."""
    seal = body.get("seal")
    return None if seal is None else read_document(seal, Envelope, "seal", MalformedAnswer)


def refuse_status(status: int) -> NoReturn:
    """Raise MalformedAnswer for the status of a response that is none to a check."""
    if status == 421:
        raise MalformedAnswer("HTTP 421 to a check: list the host of MODEL_SERVER_URL in ALLOWED_HOSTS of model_server")
    raise MalformedAnswer(f"HTTP {status} to a check")


def _answer(response: Response, current: Current | None) -> CheckAnswer:
    next_version = response.headers.get(NEXT_VERSION.lower()) or None
    if next_version is not None and not is_version(next_version):
        raise MalformedAnswer(f"{NEXT_VERSION} {next_version!r} is no version")
    checks_all = response.headers.get(CHECK_ALL.lower()) == "true"
    return CheckAnswer(current, next_version, *lease_and_instance(response), checks_all)


def lease_and_instance(response: Response) -> tuple[float, str]:
    """The lease in seconds, and the run of model_server; raises MalformedAnswer."""
    lease = response.headers.get(LEASE_MS.lower(), "0")
    if not lease.isdecimal() or len(lease) > 9:
        raise MalformedAnswer(f"{LEASE_MS} {lease!r} is no number of milliseconds")
    return int(lease) / 1000, response.headers.get(SERVER_INSTANCE.lower(), "")
