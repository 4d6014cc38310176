"""The download of an artifact to a file, with its hash."""

from pathlib import Path

from changeover import digest
from changeover.client.http import HttpCall
from changeover.client.upload import sha256_of_file
from changeover.exceptions import DigestMismatch
from changeover.protocol.wire import REPR_DIGEST


def download(calls: HttpCall, path: str, into: Path) -> str:
    """Download the bytes at `path` to `into`; returns their SHA-256. Raises DigestMismatch if `Repr-Digest` is another."""
    with calls.send("GET", path, stream=True) as response, into.open("wb") as file, calls.naming_silence():
        for block in response.iter_content(1 << 20):
            file.write(block)
    actual = sha256_of_file(into)
    promised = digest.parse_repr_digest(response.headers.get(REPR_DIGEST, ""))
    if promised is not None and promised != actual:
        raise DigestMismatch(f"the server promised {promised} and sent {actual}: the bytes changed on their way")
    return actual
