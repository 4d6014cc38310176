"""Artifacts and manifests from model_server, into memory, under one total deadline, one retry when cut off or changed.

What comes back was hashed already; `load.py` hashes it again before anything is loaded from it.
"""

import json
import threading
from typing import Final

from changeover import digest
from changeover.exceptions import DigestMismatch, InvalidManifest
from changeover.manifest.manifest import Manifest
from changeover.process.clock import now
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable, CallFailed
from predict_api.upstream.connection import Answer, Connection
from predict_api.upstream.dns import Lookup

MANIFEST_SECONDS: Final = 10.0
ARTIFACT_SECONDS: Final = 60.0
TWIN_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.25


class Fetch:
    """Downloads of one model; one connection a download, closed after it."""

    def __init__(self, url: str, lookup: Lookup, model: str, token: str) -> None:
        """`token` is the report token; the connection follows no redirect, so it reaches model_server only."""
        self._url, self._lookup, self._model = url, lookup, model
        self._authorization = authorization(token)

    def manifest(self, version: str) -> Manifest:
        """The manifest of `version`; raises ArtifactUnavailable or ArtifactRefused."""
        answer = self._get(f"/models/{self._model}/versions/{version}", "application/json", MANIFEST_SECONDS, None)
        try:
            manifest = Manifest.from_json(json.loads(answer.body))
        except (ValueError, InvalidManifest) as error:
            raise ArtifactRefused(f"model_server sent no manifest for {version}: {error}") from error
        if (manifest.model, manifest.version) != (self._model, version):
            raise ArtifactRefused(
                f"model_server sent the manifest of {manifest.model} {manifest.version} for {version}"
            )
        return manifest

    def artifact(self, manifest: Manifest, *, gently: bool = False) -> bytes:
        """The bytes that `manifest` describes, hashed; `gently` when requests are answered meanwhile.

        Raises ArtifactUnavailable, or ArtifactRefused if they were cut off or changed twice.
        """
        return self._verified("artifact", manifest.version, manifest.version, manifest.size, gently)

    def twin(self, manifest: Manifest) -> bytes:
        """The bytes of the twin that `manifest` names, hashed; raises the same.

        A version without its twin answers all the same, but slowly for as long as it is held, so it is asked for again
        for TWIN_SECONDS.
        """
        named = manifest.twin or {}
        expected, size = named.get("sha256"), named.get("size")
        if not isinstance(expected, str) or not isinstance(size, int):
            raise ArtifactUnavailable(f"the manifest of {manifest.version} names no twin")
        pause, until = threading.Event(), now() + TWIN_SECONDS
        while True:
            try:
                return self._verified("twin", manifest.version, expected, size, gently=True)
            except ArtifactUnavailable:
                if now() >= until:
                    raise
                pause.wait(PAUSE_SECONDS)

    def _verified(self, what: str, version: str, expected: str, size: int, gently: bool) -> bytes:
        path = f"/models/{self._model}/versions/{version}/{what}"
        fault = ""
        for _ in range(2):
            try:
                buffer = self._get(path, "application/octet-stream", ARTIFACT_SECONDS, size, gently).body
                digest.verify(buffer, expected)
                return buffer
            except (DigestMismatch, _Wrong) as error:
                fault = str(error)
        raise ArtifactRefused(f"the {what} of {version} did not arrive as it is: {fault}")

    def _get(self, path: str, accept: str, seconds: float, size: int | None, gently: bool = False) -> Answer:
        connection = Connection(self._url, self._lookup)
        headers = {"Accept": accept, "Accept-Encoding": "identity", **self._authorization}
        try:
            if size is None:
                answer = connection.call("GET", path, headers, now() + seconds)
            else:
                answer = connection.call("GET", path, headers, now() + seconds, largest=size, gently=gently)
        except CallFailed as error:
            if error.kind in {"truncated", "large"}:
                raise _Wrong(str(error)) from error
            raise ArtifactUnavailable(f"{path}: {error}") from error
        finally:
            connection.close()
        if answer.status in {401, 403}:
            raise ArtifactUnavailable(refusal_to_read(answer.status, path))
        if answer.status == 404:
            raise ArtifactRefused(f"model_server does not have {path}")
        if answer.status != 200:
            raise ArtifactUnavailable(f"model_server answered HTTP {answer.status} for {path}")
        return answer


def authorization(token: str) -> dict[str, str]:
    """The headers by which a replica may read from model_server."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def refusal_to_read(status: int, path: str) -> str:
    """What to do when model_server lets this replica not read."""
    return f"model_server refused to be read with HTTP {status} at {path}: is REPORT_TOKEN the same there?"


class _Wrong(ArtifactUnavailable):
    """Cut off, or longer than it may be: worth one more try."""
