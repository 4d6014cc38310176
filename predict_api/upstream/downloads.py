"""Downloads of artifacts, ONNX twins and manifests from model_server, into memory.

Each request has one total deadline. A truncated or changed artifact is requested once more. Its hash is checked here,
and again before it is loaded (`predict_api/scoring/loading.py`).
"""

import json
import threading
from dataclasses import dataclass
from typing import Final

from changeover import digest
from changeover.exceptions import DigestMismatch, InvalidManifest, SealBroken
from changeover.manifest.manifest import Manifest
from changeover.process.clock import now
from changeover.process.gentle_pieces import pieces
from changeover.protocol.wire import LARGEST_BODY, LONGEST_TEXT, SEAL
from changeover.sealed.envelope import Envelope, decode
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable, CallFailed
from predict_api.upstream.connection import Connection, Response
from predict_api.upstream.dns import Lookup

MANIFEST_SECONDS: Final = 10.0
ARTIFACT_SECONDS: Final = 60.0
TWIN_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.25


@dataclass(frozen=True)
class StoredManifest:
    """A manifest with its bytes in the bucket, and its seal if it has one."""

    manifest: Manifest
    content: bytes
    seal: Envelope | None


class Fetch:
    """The downloads of one model; each has a connection of its own, closed after it."""

    def __init__(self, url: str, lookup: Lookup, model: str, token: str) -> None:
        """`token` is the report token. It reaches model_server only: the connection follows no redirect."""
        self._url, self._lookup, self._model = url, lookup, model
        self._authorization = authorization(token)

    def manifest(self, version: str) -> Manifest:
        """The manifest of `version`; raises ArtifactUnavailable or ArtifactRefused."""
        path = f"/models/{self._model}/versions/{version}"
        return self._manifest_in(self._get(path, "application/json", MANIFEST_SECONDS).body, version)

    def stored_manifest(self, version: str) -> StoredManifest:
        """The newest manifest of `version` as it is stored, with its seal; raises ArtifactUnavailable or ArtifactRefused."""
        path = f"/models/{self._model}/versions/{version}/manifest"
        response = self._get(path, "application/json", MANIFEST_SECONDS)
        header = response.headers.get(SEAL.lower())
        try:
            seal = Envelope.read(decode(header)) if header else None
        except SealBroken as error:
            raise ArtifactRefused(f"model_server sent no seal for the manifest of {version}: {error}") from error
        return StoredManifest(self._manifest_in(response.body, version), response.body, seal)

    def _manifest_in(self, body: bytes, version: str) -> Manifest:
        """The manifest of `version` in a response; raises ArtifactRefused."""
        try:
            manifest = Manifest.from_json(json.loads(body))
        except (ValueError, InvalidManifest) as error:
            raise ArtifactRefused(f"model_server sent no manifest for {version}: {error}") from error
        if (manifest.model, manifest.version) != (self._model, version):
            raise ArtifactRefused(
                f"model_server sent the manifest of {manifest.model} {manifest.version} for {version}"
            )
        return manifest

    def artifact(self, manifest: Manifest, *, gently: bool = False) -> bytes:
        """The verified bytes of the artifact that `manifest` describes; `gently` if requests are served meanwhile.

        Raises ArtifactUnavailable, or ArtifactRefused if they were truncated or changed twice.
        """
        return self._verified("artifact", manifest.version, manifest.version, manifest.size, gently)

    def twin(self, manifest: Manifest, *, gently: bool = False) -> bytes:
        """The verified bytes of the ONNX twin that `manifest` names; raises the same as `artifact`.

        Retries for TWIN_SECONDS: a version without its twin scores correctly, but slowly for as long as it is active.
        """
        described = manifest.twin or {}
        expected, size = described.get("sha256"), described.get("size")
        if not isinstance(expected, str) or not isinstance(size, int):
            raise ArtifactUnavailable(f"the manifest of {manifest.version} names no twin")
        pause, until = threading.Event(), now() + TWIN_SECONDS
        while True:
            try:
                return self._verified("twin", manifest.version, expected, size, gently=gently)
            except ArtifactUnavailable:
                if now() >= until:
                    raise
                pause.wait(PAUSE_SECONDS)

    def _verified(self, kind: str, version: str, expected: str, size: int, gently: bool) -> bytes:
        path = f"/models/{self._model}/versions/{version}/{kind}"
        reason = ""
        for _ in range(2):
            try:
                response = self._get(path, "application/octet-stream", ARTIFACT_SECONDS, largest=size, gently=gently)
                buffer = response.body
                digest.verify_pieces(pieces(buffer, gently=gently), expected)
                return buffer
            except (DigestMismatch, _WrongSize) as error:
                reason = str(error)
        raise ArtifactRefused(f"the {kind} of {version} did not arrive as it is: {reason}")

    def _get(
        self, path: str, accept: str, seconds: float, largest: int = LARGEST_BODY, gently: bool = False
    ) -> Response:
        connection = Connection(self._url, self._lookup)
        headers = {"Accept": accept, "Accept-Encoding": "identity", **self._authorization}
        try:
            response = connection.call("GET", path, headers, now() + seconds, largest=largest, gently=gently)
        except CallFailed as error:
            if error.kind in {"truncated", "large"}:
                raise _WrongSize(str(error)) from error
            raise ArtifactUnavailable(f"{path}: {error}") from error
        finally:
            connection.close()
        if response.status in {401, 403}:
            raise ArtifactUnavailable(refusal_to_read(response.status, path))
        if response.status == 404:
            raise ArtifactRefused(f"model_server does not have {path}")
        if response.status == 422:
            raise ArtifactRefused(f"{path}: {_detail(response.body)}")
        if response.status != 200:
            raise ArtifactUnavailable(f"model_server answered HTTP {response.status} for {path}")
        return response


def authorization(token: str) -> dict[str, str]:
    """The headers that permit a replica to read from model_server."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def refusal_to_read(status: int, path: str) -> str:
    """The message, with the next step, for a read that model_server does not permit."""
    return f"model_server refused to be read with HTTP {status} at {path}: is REPORT_TOKEN the same there?"


def _detail(body: bytes) -> str:
    """The detail of a problem."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    return str(problem.get("detail"))[:LONGEST_TEXT] if isinstance(problem, dict) else "model_server gave no reason"


class _WrongSize(ArtifactUnavailable):
    """A truncated or too long response: worth one more attempt."""
