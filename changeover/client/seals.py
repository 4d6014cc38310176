"""The calls of seals: stored manifests and ledger entries with their seals, and the sealing of a registry."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from changeover.client.http import HttpCall
from changeover.exceptions import SealBroken, ServiceUnreachable
from changeover.json_documents import read_document
from changeover.json_types import Json, JsonObject
from changeover.protocol.wire import SEAL
from changeover.sealed.envelope import Envelope, decode

_SECONDS = 120.0  # of a page: model_server hashes the artifacts that it seals


@dataclass(frozen=True)
class Stored:
    """A stored object: its bytes, and its seal; None if it is gone, or has none."""

    content: bytes | None
    seal: Envelope | None


class SealCalls:
    """The calls of seals to model_server."""

    def __init__(self, server: HttpCall) -> None:
        self._server = server

    def manifest(self, version: str, model: str) -> Stored:
        """The newest manifest of a version; raises SealBroken for a seal that cannot be read."""
        response = self._server.send("GET", f"/models/{model}/versions/{version}/manifest")
        header = response.headers.get(SEAL)
        return Stored(response.content, Envelope.read(decode(header)) if header else None)

    def chain(self, model: str) -> Iterator[tuple[int, Stored]]:
        """Each ledger entry with its sequence, oldest first; raises SealBroken for one that cannot be read."""
        for entry in self._server.pages(f"/models/{model}/chain", "entries"):
            sequence = entry.get("sequence")
            if not isinstance(sequence, int):
                raise ServiceUnreachable("the chain that model_server sent has an entry without a sequence")
            yield sequence, Stored(_bytes(entry.get("content")), _envelope(entry.get("seal")))

    def seal(self, model: str, after: str) -> JsonObject:
        """Seal one page of a model's objects, from after `after` on."""
        query = {"after": after} if after else None
        response = self._server.send("POST", f"/models/{model}/seal", query=query, timeout=_SECONDS)
        return self._server.object_in(response)


def _bytes(text: Json) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SealBroken(f"an entry of the chain has no valid base64: {error}") from error


def _envelope(seal: Json) -> Envelope | None:
    return None if seal is None else read_document(seal, Envelope, "seal", SealBroken)
