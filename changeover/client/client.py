"""The Python client: publish, roll and predict from a notebook or a program.

A problem (RFC 9457) raises ServiceRefused with the reason. No response in time raises ServiceUnreachable: every call
has a time limit.
"""

import getpass
import socket
import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from changeover import digest, stack
from changeover.client.bodies import json_of
from changeover.client.download import download
from changeover.client.draft import draft_of, dump
from changeover.client.http import HttpCall
from changeover.client.rolling import rolled
from changeover.client.upload import Body, Progress, Published, sha256_of_file
from changeover.exceptions import NothingRolls, StackNotFound, UnknownVersion
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Draft
from changeover.names import check_model_name
from changeover.protocol.wire import REPR_DIGEST, RolloutState, VersionState

if TYPE_CHECKING:
    import pandas as pd

_ADMISSION_SECONDS: Final = 300.0


class Client:
    """A client of the stack of `changeover up` or `CHANGEOVER_SERVER_URL`. Reusable, but not thread-safe.

    Raises StackNotFound if neither gives the addresses. `timeout` is the longest wait in seconds for the next bytes of
    a response. `api_key` is sent with predictions, `CHANGEOVER_API_KEY` by default.
    """

    def __init__(
        self,
        server_url: str | None = None,
        *,
        token: str | None = None,
        predict_url: str | None = None,
        api_key: str | None = None,
        home: Path | str | None = None,
        timeout: float = 30.0,
    ) -> None:
        self.stack = stack.find(Path(home) if home is not None else None, server_url)
        token = self.stack.token if token is None else token
        self._token = token
        authorities = self.stack.tls_ca
        self._server = HttpCall(self.stack.server_url, "model_server", token, timeout, authorities=authorities)
        address = predict_url or (self.stack.predict_urls[0] if self.stack.predict_urls else "")
        if api_key is None:
            api_key = stack.api_key(address, named=predict_url is not None)
        self._predict = HttpCall(address, "predict_api", api_key, timeout, authorities=authorities) if address else None

    def models(self) -> JsonObject:
        """`{"models": [...], "default": name}`: every model with its current version."""
        return self._server.get("/models")

    def model(self, model: str | None = None, *, live: bool = False) -> JsonObject:
        """One model: current and previous version, rollout, replicas; with `live`, what `changeover watch` shows."""
        return self._server.get(f"/ui{self._path(model)}/live.json" if live else self._path(model))

    def login_link(self) -> JsonObject:
        """A login to the console that works once, as this token: `{"url": ..., "seconds": 900, "by": name, ...}`."""
        link = self._server.object_in(self._server.send("POST", "/login-links"))
        return {"url": f"{self._server.base}{link.get('path')}", **link}

    def default_model(self) -> str:
        """The default model's name."""
        return str(self.models().get("default") or "default")

    def versions(self, model: str | None = None) -> list[JsonObject]:
        """Every version, newest first."""
        return list(self._server.pages(f"{self._path(model)}/versions", "versions"))

    def manifest(self, version: str, model: str | None = None) -> JsonObject:
        """The manifest of `version` (or its first 8 digits or more) and its `state`."""
        return self._server.get(f"{self._path(model)}/versions/{version}")

    def current(self, model: str | None = None) -> JsonObject:
        """Sequence number and version of the current version."""
        return self._server.get(f"{self._path(model)}/current")

    def history(self, model: str | None = None, at: str | None = None) -> list[JsonObject]:
        """The ledger, newest first; with `at` (RFC 3339) the entry that was current then."""
        query = {"at": at} if at else {}
        return list(self._server.pages(f"{self._path(model)}/rollouts", "rollouts", query))

    def drift(self, model: str | None = None, version: str | None = None, window: str = "1h") -> JsonObject:
        """Whether inputs or answers of a version (default: the current one) changed (`docs/drift.md`)."""
        query = {"window": window} | ({"version": version} if version else {})
        return self._server.get(f"{self._path(model)}/drift", query)

    def fetch(self, version: str, into: Path, model: str | None = None) -> str:
        """Download the artifact to `into`; returns its SHA-256, compared with `Repr-Digest`."""
        return download(self._server, f"{self._path(model)}/versions/{version}/artifact", into)

    def publish(
        self,
        model: "Path | str | object",
        name: str | None = None,
        *,
        example: "pd.DataFrame | None" = None,
        metrics: dict[str, float] | None = None,
        evaluation_data: "pd.DataFrame | Path | str | None" = None,
        description: str = "",
        draft: Draft | None = None,
        public: bool | Collection[str] = False,
        reference: "pd.DataFrame | Literal[False] | None" = None,
        reference_predictions: object = None,
        outputs: Collection[str] = (),
        roll: bool = False,
        reason: str = "",
        allow_schema_change: bool = False,
        skip_gate: bool = False,
        progress: Progress | None = None,
    ) -> Published:
        """Publish an artifact: the path of a joblib or ONNX file, or an estimator, which is dumped first.

        `name` is the model (default: the server's), `example` raw training data that gives schema and golden rows.
        `evaluation_data` is the held-out data that `metrics` were measured on: a frame, a file, or its digest. Members
        of `draft` win over inferred ones. `public` names the columns (True: all) of which any caller of predict_api may
        see categories and range, which come from the training data. Bytes that are a version already keep it, and `updated`
        has what was added to its manifest. `outputs` names the values of a prediction of several. `reference` is what live
        inputs are compared with, the example by default; False: nothing. `reference_predictions` are answers to its rows
        that the model was not trained on, labels or probabilities (`docs/drift.md`). Raises ServiceRefused if it is not
        admitted, or if it contradicts the manifest of a version.
        """
        name = check_model_name(name) if name else self.default_model()
        model = Path(model) if isinstance(model, str) else model
        if outputs:
            draft = msgspec.structs.replace(draft or Draft(), outputs=[*outputs])
        completed = draft_of(
            model, example, metrics, evaluation_data, description, draft, public, reference, reference_predictions
        )
        if isinstance(model, Path):
            published = self._publish_file(model, name, None if completed == Draft() else completed, progress)
        else:
            with tempfile.TemporaryDirectory(prefix="changeover-") as folder:
                path = Path(folder) / "model.joblib"
                dump(model, path)
                published = self._publish_file(path, name, completed, progress)
        if not roll:
            return published
        rollout = self.roll(
            published.version, model=name, reason=reason, allow_schema_change=allow_schema_change, skip_gate=skip_gate
        )
        committed = rollout.get("state") == RolloutState.COMMITTED
        return replace(published, rollout=rollout, state=VersionState.CURRENT if committed else published.state)

    def _publish_file(self, path: Path, name: str, draft: Draft | None, progress: Progress | None) -> Published:
        version = sha256_of_file(path)
        with path.open("rb") as artifact:
            upload = Body(artifact, path.stat().st_size, draft, progress)
            headers = {"Content-Type": upload.content_type, REPR_DIGEST: digest.repr_digest(version)}
            response = self._server.send(
                "POST",
                f"/models/{name}/versions",
                query={"name": path.name, "by": _user(), "on_behalf_of": _user()},
                body=upload,
                headers=headers,
                timeout=_ADMISSION_SECONDS,
            )
        body = self._server.object_in(response)
        return Published(
            model=name,
            version=str(body.get("version", version)),
            state=str(body.get("state", "")),
            created=response.status_code == 201,
            warnings=_strings(body.get("warnings")),
            updated=_strings(body.get("updated")),
        )

    def newest_admitted(self, model: str | None = None) -> str:
        """The newest version that was never current; raises UnknownVersion if there is none."""
        for version in self.versions(model):
            if version.get("state") == VersionState.ADMITTED:
                return str(version["version"])
        raise UnknownVersion("there is no admitted version that was not rolled yet; publish one, or name a version")

    def roll(
        self,
        version: str | None = None,
        *,
        model: str | None = None,
        reason: str = "",
        wait: float = 90.0,
        allow_schema_change: bool = False,
        skip_gate: bool = False,
        rehearse: float | None = None,
        watch: float = 0.0,
        progress: Callable[[str], None] | None = None,
    ) -> JsonObject:
        """Make `version` (whole, a prefix, or None for the newest admitted) current; returns the rollout.

        A version that breaks its consumers' requests, or fails the server's `GATE`, raises ServiceRefused with `diff`
        or `gate` in its `problem`, unless `allow_schema_change` or `skip_gate`. `rehearse` are the seconds for which it is
        rehearsed on live requests before the switch (None: those of the server's `REHEARSE`), which come on top of `wait`.
        `watch` are the seconds after the switch in which model_server rolls back by itself if requests fail, take longer or get other labels.

        Waits up to `wait` seconds for `committed` or `aborted`; calls `progress` with each new state.
        """
        name = model or self.default_model()
        wanted = version or self.newest_admitted(name)
        body: JsonObject = {"version": wanted, **_provenance(reason)}
        if allow_schema_change:
            body["allow_schema_change"] = True
        if skip_gate:
            body["skip_gate"] = True
        if watch:
            body["watch"] = watch
        if rehearse is not None:
            body["rehearse"] = rehearse
            wait += rehearse if wait > 0 else 0.0
        return rolled(self._server, self._token, f"/models/{name}/rollouts", body, name, wait, progress)

    def rollback(
        self,
        *,
        model: str | None = None,
        reason: str = "",
        wait: float = 90.0,
        progress: Callable[[str], None] | None = None,
    ) -> JsonObject:
        """Make the previous version current; parameters as in `roll`."""
        name = model or self.default_model()
        return rolled(self._server, self._token, f"/models/{name}/rollback", _provenance(reason), name, wait, progress)

    def abort(
        self, rollout: str | None = None, *, model: str | None = None, reason: str = "", wait: float = 30.0
    ) -> JsonObject:
        """Abort a rollout (its id or sequence, or None for the one under way); returns it after up to `wait` seconds.

        It is `committed` if its ledger entry was being written already. Raises NothingRolls without one under way.
        """
        name = model or self.default_model()
        under_way = self.model(name).get("rollout") if rollout is None else {"id": rollout}
        if not isinstance(under_way, dict):
            raise NothingRolls(f"no rollout of {name!r} is under way; see: changeover history -m {name}")
        path = f"/models/{name}/rollouts/{under_way.get('id')}/abort"
        return rolled(self._server, self._token, path, _provenance(reason), name, wait, None)

    def predict(self, body: object, model: str | None = None) -> Json:
        """Call predict_api; returns the JSON of the response.

        `body` is one row (a dict or a Series) or a batch (a list of dicts, a DataFrame, an array of two dimensions), with
        values of Python, numpy and pandas. Missing values are sent as null. Raises UnsendableValue for infinity and
        other values that JSON cannot hold.
        """
        return self.predict_json(json_of(body), model)

    def predict_json(self, body: bytes, model: str | None = None) -> Json:
        """Call predict_api with the bytes `body`, sent as they are; returns the JSON of the response."""
        if self._predict is None:
            raise StackNotFound("the address of predict_api is not known; set CHANGEOVER_PREDICT_URL")
        path = f"/models/{model}/predict" if model else "/predict"
        headers = {"Content-Type": "application/json"}
        return self._predict.json_in(self._predict.send("POST", path, body=body, headers=headers))

    def _path(self, model: str | None) -> str:
        return f"/models/{check_model_name(model) if model else self.default_model()}"


def _provenance(reason: str) -> JsonObject:
    """The user and the reason of a rollout, for the ledger."""
    user = _user()  # earlier releases of model_server read it as `by`
    return {"by": user, "on_behalf_of": user, **({"reason": reason} if reason else {})}


def _strings(value: Json) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []


def _user() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a user id without a name
        return socket.gethostname()
