"""The verified disk cache, with which a replica can restart while model_server is unreachable.

Its files are `CACHE_DIR/<model>/<sha256>.joblib`, `<sha256>.onnx` (the ONNX twin), `<sha256>.json` (the manifest),
`<sha256>.seal` (its seal, in a sealed registry) and `current.json` (the last confirmed version, with the seal of its ledger
entry). Each is written to a temporary file and renamed. The workers of an instance
share the cache: one worker downloads a version under its lock, and the others read the file. Every read checks the
hash, and deletes a file that does not match. If the cache cannot be written, one warning is logged.
"""

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout

from changeover import digest
from changeover.exceptions import DigestMismatch, InvalidManifest, SealBroken
from changeover.manifest.manifest import Manifest
from changeover.names import MODEL_NAME
from changeover.process.atomic_file import write_atomically
from changeover.process.gentle_pieces import pieces
from changeover.process.log_events import event
from changeover.protocol.wire import Current
from changeover.sealed.envelope import Envelope
from predict_api.upstream.downloads import StoredManifest

KEPT: Final = 3  # versions of a model, in addition to those in use
LOCK_SECONDS: Final = 120.0
_CURRENT: Final = "current.json"


class _Kept(msgspec.Struct):
    """The content of `current.json` that is about the seal."""

    sequence: int
    version: str
    seal: Envelope | None = None


class Cache:
    """The cache of all models of one instance; `directory` is None without a cache."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._warned = False
        if directory is not None:
            self._write_safely(lambda: directory.mkdir(mode=0o700, parents=True, exist_ok=True))

    def models(self) -> list[str]:
        """The models that have a confirmed version in the cache."""
        if self._directory is None:
            return []
        try:
            names = sorted(path.parent.name for path in self._directory.glob(f"*/{_CURRENT}"))
        except OSError:
            return []
        return [name for name in names if MODEL_NAME.fullmatch(name)]

    def artifact(self, model: str, version: str, download: Callable[[], bytes], *, gently: bool = False) -> bytes:
        """The bytes of `version`, from disk if they match their hash, else from `download`, whose errors propagate.

        `gently`: requests are answered meanwhile.
        """
        return self._verified(model, f"{version}.joblib", version, download, gently=gently)

    def twin(
        self, model: str, version: str, expected: str, download: Callable[[], bytes], *, gently: bool = False
    ) -> bytes:
        """The same for the ONNX twin of `version`; `expected` is the twin's SHA-256."""
        return self._verified(model, f"{version}.onnx", expected, download, gently=gently)

    def _verified(self, model: str, name: str, expected: str, download: Callable[[], bytes], *, gently: bool) -> bytes:
        if self._directory is None:
            return download()
        path = self._directory / model / name
        lock = FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            lock.acquire()
        except (OSError, Timeout) as error:
            self._warn(error)
            return self._read(path, expected, gently=gently) or download()
        try:
            buffer = self._read(path, expected, gently=gently)
            if buffer is None:
                buffer = content = download()
                self._write_safely(lambda: _replace(path, content, gently=gently))
            return buffer
        finally:
            lock.release()

    @contextmanager
    def turn(self, model: str, seconds: float) -> Iterator[None]:
        """The lock under which one worker of this instance prepares a version of `model`; waits `seconds` at most.

        Two workers that load at the same time would slow down the responses of both.
        """
        if self._directory is None or not seconds:
            yield
            return
        lock = FileLock(self._directory / model / "turn.lock", timeout=seconds)
        with suppress(OSError, Timeout):
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def manifest(self, model: str, version: str) -> Manifest | None:
        """The manifest of `version`, or None if the cache has no valid one."""
        stored = self.stored_manifest(model, version)
        return stored.manifest if stored else None

    def stored_manifest(self, model: str, version: str) -> StoredManifest | None:
        """The manifest of `version` with its bytes and its seal, or None if the cache has no valid one."""
        if self._directory is None:
            return None
        path = self._directory / model / f"{version}.json"
        try:
            content = path.read_bytes()
            manifest = Manifest.from_json(json.loads(content))
        except (OSError, ValueError, InvalidManifest):
            return None
        if (manifest.model, manifest.version) != (model, version):
            return None
        try:
            seal = Envelope.read(path.with_suffix(".seal").read_bytes())
        except (OSError, SealBroken):
            seal = None
        return StoredManifest(manifest, content, seal)

    def keep_manifest(self, manifest: Manifest) -> None:
        """Write `manifest` for a restart."""
        if self._directory is not None:
            path = self._directory / manifest.model / f"{manifest.version}.json"
            self._write_safely(lambda: _replace(path, json.dumps(manifest.to_json()).encode()))

    def keep_stored(self, stored: StoredManifest) -> None:
        """Write a manifest, its very bytes, and its seal for a restart."""
        if self._directory is None or stored.seal is None:
            return
        path = self._directory / stored.manifest.model / f"{stored.manifest.version}.json"
        seal = stored.seal.encode()
        self._write_safely(lambda: _replace(path.with_suffix(".seal"), seal))
        self._write_safely(lambda: _replace(path, stored.content))

    def seal(self, model: str, current: Current) -> Envelope | None:
        """The seal of the ledger entry of `current`, or None if the cache has none."""
        if self._directory is None:
            return None
        try:
            kept = msgspec.json.decode((self._directory / model / _CURRENT).read_bytes(), type=_Kept)
        except (OSError, ValueError):
            return None
        return kept.seal if (kept.sequence, kept.version) == (current.sequence, current.version) else None

    def current(self, model: str) -> Current | None:
        """The version that was last confirmed as current, or None."""
        if self._directory is None:
            return None
        try:
            return msgspec.json.decode((self._directory / model / _CURRENT).read_bytes(), type=Current)
        except (OSError, ValueError):
            return None

    def confirmed_at(self, model: str) -> float:
        """The time of the last confirmation of `current`, in seconds of the wall clock; 0 if it is unknown."""
        try:
            return (self._directory / model / _CURRENT).stat().st_mtime if self._directory else 0.0
        except OSError:
            return 0.0

    def keep_current(self, model: str, current: Current, seal: Envelope | None = None) -> None:
        """Write that `current` was confirmed now, unless another worker has written a later version.

        `seal` is that of its ledger entry.
        """
        if self._directory is None:
            return
        known = self.current(model)
        path = self._directory / model / _CURRENT
        if known is None or known.sequence < current.sequence:
            body = {**current.to_json(model), "seal": msgspec.to_builtins(seal)}
            self._write_safely(lambda: _replace(path, json.dumps(body).encode()))
        elif known == current:
            self._write_safely(lambda: os.utime(path))

    def prune(self, model: str, in_use: Collection[str]) -> None:
        """Delete all versions but the newest and those in use."""
        if self._directory is None:
            return
        folder = self._directory / model
        self._write_safely(lambda: _prune(folder, in_use))

    def _read(self, path: Path, expected: str, *, gently: bool) -> bytes | None:
        try:
            buffer = path.read_bytes()
            digest.verify_pieces(pieces(buffer, gently=gently), expected)
        except OSError:
            return None
        except DigestMismatch as error:
            event("cache.discarded", level="warning", version=expected, reason=str(error))
            self._write_safely(lambda: path.unlink(missing_ok=True))
            return None
        self._write_safely(lambda: os.utime(path))
        return buffer

    def _write_safely(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            self._warn(error)

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            event(
                "cache.unusable",
                level="warning",
                directory=str(self._directory),
                reason=str(error),
                advice="predict_api works without; give CACHE_DIR a writable directory with room for the models",
            )


def _replace(path: Path, content: bytes, *, gently: bool = False) -> None:
    """Replace the file at `path` by `content`; a missing folder is created."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, content, gently=gently)


def _prune(folder: Path, in_use: Collection[str]) -> None:
    kept = sorted(folder.glob("*.joblib"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [path for path in kept if path.stem not in in_use][KEPT:]:
        for suffix in (".joblib", ".json", ".onnx", ".seal"):
            path.with_suffix(suffix).unlink(missing_ok=True)
