"""The call of a freshness check of all models: a conditional `GET /current`, and the reading of its response.

`docs/protocol.md` describes the protocol. A replica that serves the models of `MODELS`, or may not read the list of all,
names its models: `GET /current?models=a,b`. A model_server of an earlier release does not have the call. So a replica
begins with the call for one model, and makes the call for all once a response has `Check-All: true`. Without that header,
it makes one call for each model, one after the other.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.protocol.replica_identity import ReplicaIdentity
from changeover.protocol.wire import (
    LARGEST_SET,
    REPLICA_ID,
    REPLICA_SECRET,
    Current,
    CurrentModel,
    CurrentModels,
    MalformedAnswer,
)
from predict_api.upstream.connection import Connection, Response
from predict_api.upstream.downloads import authorization, refusal_to_read
from predict_api.upstream.freshness_check import CheckCall, lease_and_instance, refuse_status

_ALL: Final = "/current"
_KNOWN: Final = frozenset({200, 304, 401, 403, 421, 429, 502, 503, 504})  # of a model_server that has the call
RETRY_SECONDS: Final = 30.0
Active = Callable[[str], Current | None]  # a model -> its active version


@dataclass(frozen=True)
class SetAnswer:
    """The content of a response. `lease` is in seconds, and holds for each model that is not fenced.

    `models` has the models that have a current or a next version. `malformed` has the reason for each model without an
    answer. `lists`: models that this worker does not have are among them. `former`: model_server has no call for all.
    """

    models: Mapping[str, CurrentModel]
    lease: float
    server_instance: str
    path: str = ""
    etag: str = ""
    malformed: Mapping[str, str] = field(default_factory=dict)
    lists: bool = False
    former: bool = False


_NO_MODELS: Final = SetAnswer({}, 0.0, "", former=True)


class SetCheck:
    """The freshness checks of one replica over one connection, for one thread."""

    def __init__(
        self, connection: Connection, identity: ReplicaIdentity, token: str, deadline: float, *, lists: bool
    ) -> None:
        """A call takes `deadline` seconds at most. `lists`: it asks about all models that model_server has."""
        self._connection, self._identity, self._deadline, self._lists = connection, identity, deadline, lists
        self._headers = {
            REPLICA_ID: identity.id,
            REPLICA_SECRET: identity.secret,
            "Accept": "application/json",
            **authorization(token),
        }
        self._checks_all = False  # whether model_server has the call for all models
        self._named_until = float("-inf")
        self._refused = False

    def ask(self, before: SetAnswer | None, names: Collection[str], active: Active) -> SetAnswer:
        """Check what is current for the models `names`, and others if it lists; `before` is the previous answer.

        Raises CallFailed or MalformedAnswer.
        """
        answer = self._ask_all(before, names) if self._checks_all else None
        if answer is None:
            self._checks_all = False
            answer = self._ask_each(names, active) or self._ask_all(before, names)
        # None: model_server says that it has the call, but does not have it, perhaps behind a proxy
        return answer or self._ask_each(names, active, must=True) or _NO_MODELS

    def _ask_all(self, before: SetAnswer | None, names: Collection[str]) -> SetAnswer | None:
        """The answer of the call for all models, or None if model_server does not have that call."""
        if self._lists and now() >= self._named_until:
            response = self._get(_ALL, before)
            if response.status not in {401, 403}:
                return read_set(response, _ALL, before)
            self._named_until = now() + RETRY_SECONDS
            if not self._refused:
                self._refused = True
                event("discovery.refused", level="error", reason=refusal_to_read(response.status, _ALL))
        path = f"{_ALL}?models={','.join(sorted(names))}"
        return read_set(self._get(path, before), path, before)

    def _get(self, path: str, before: SetAnswer | None) -> Response:
        headers = self._headers
        if before is not None and before.path == path:
            headers = {**headers, "If-None-Match": before.etag}
        return self._connection.call("GET", path, headers, now() + self._deadline, largest=LARGEST_SET)

    def _ask_each(self, names: Collection[str], active: Active, *, must: bool = False) -> SetAnswer | None:
        """The answers of one call for each model; None if model_server has the call for all, unless it `must`."""
        models: dict[str, CurrentModel] = {}
        malformed: dict[str, str] = {}
        leases, instance = [], ""
        for name in sorted(names):
            call = CheckCall(self._connection, name, self._identity)
            try:
                answer = call.ask(active(name), now() + self._deadline)
            except MalformedAnswer as error:
                malformed[name] = str(error)
                continue
            if answer.checks_all and not must:
                self._checks_all = True
                return None
            models[name] = CurrentModel.of(
                answer.current, answer.next_version, fenced=answer.lease <= 0, seal=answer.seal
            )
            leases += [answer.lease] if answer.lease > 0 else []
            instance = answer.server_instance or instance
        return SetAnswer(models, min(leases, default=0.0), instance, malformed=malformed, former=True)


def read_set(response: Response, path: str, before: SetAnswer | None) -> SetAnswer | None:
    """The content of the response to a check of all models at `path`; `before` is the previous answer.

    None if model_server does not have the call. Raises MalformedAnswer.
    """
    if response.status not in _KNOWN:
        return None
    if response.status not in {200, 304}:
        refuse_status(response.status)
    etag = response.headers.get("etag", "")
    lease, instance = lease_and_instance(response)
    if response.status == 304:
        if before is None or before.path != path or before.etag != etag:
            raise MalformedAnswer(f"304 with ETag {etag} to a check of all models that did not send it")
        return replace(before, lease=lease, server_instance=instance)
    if not etag:
        raise MalformedAnswer("the answer to a check of all models has no ETag")
    models = CurrentModels.decode(response.body).models
    return SetAnswer(models, lease, instance, path, etag, lists=path == _ALL)
