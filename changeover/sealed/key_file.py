"""The lines of REGISTRY_KEYS_FILE: a public key of the registry, and the times between which it may sign.

    ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= from=2026-11-27T00:00:00Z until=2027-12-31T00:00:00Z

Both times may be missing. `#` begins a comment, as does an empty line. A file that has the one word `unsealed` instead of
keys is that of a registry that is not sealed yet: an empty or missing file is an error, since it may have been lost.
"""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from changeover.exceptions import InvalidKeyFile
from changeover.process.clock import parse_rfc3339
from changeover.process.log_events import event
from changeover.process.marked_file import Mark, mark_at, read_marked
from changeover.sealed.keys import PublicKey

LARGEST_FILE: Final = 64 * 1024  # bytes
UNSEALED: Final = "unsealed"


def keys_in(text: str) -> list[PublicKey]:
    """The keys of a file's content, at least one; raises InvalidKeyFile, whose message names the line."""
    keys: list[PublicKey] = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.partition("#")[0].split()
        if not entry:
            continue
        try:
            key = _key(entry)
        except (InvalidKeyFile, ValueError) as error:
            raise InvalidKeyFile(f"line {number}: {error}") from None
        if any(other.raw == key.raw for other in keys):
            raise InvalidKeyFile(f"line {number}: another line has the same key")
        keys.append(key)
    if not keys:
        raise InvalidKeyFile("it has no key; `changeover registry-key show` prints the line of one")
    return keys


def read_key_file(path: Path) -> tuple[Mark, list[PublicKey]]:
    """A mark of the state of the file at `path`, and its keys; raises InvalidKeyFile, whose message names the file."""
    try:
        mark, content = read_marked(path, LARGEST_FILE)
        return mark, keys_in(content.decode("utf-8"))
    except OSError as error:
        raise InvalidKeyFile(f"{path} cannot be read: {error.strerror}") from None
    except (InvalidKeyFile, UnicodeDecodeError, ValueError) as error:
        raise InvalidKeyFile(f"{path}: {error}") from None


def says_unsealed(path: Path) -> bool:
    """Whether the file at `path` says that the registry is not sealed yet; raises InvalidKeyFile if it cannot be read."""
    try:
        return read_marked(path, LARGEST_FILE)[1].split() == [UNSEALED.encode()]
    except OSError as error:
        raise InvalidKeyFile(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidKeyFile(f"{path} has {error}") from None


class KeyFile:
    """The public keys at this moment: the file is read again after a change. Thread-safe.

    While it is invalid or missing, the keys before the change stay valid. Raises InvalidKeyFile if it is so at the start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._mark: Mark | None
        self._mark, self._keys = read_key_file(path)

    @property
    def keys(self) -> list[PublicKey]:
        """The keys."""
        mark = mark_at(self._path)
        if mark != self._mark:
            with self._lock:
                if mark != self._mark:
                    self._read(mark)
        return self._keys

    def _read(self, mark: Mark | None) -> None:
        try:
            mark, self._keys = read_key_file(self._path)
            event("registry_keys.read", keys=[key.id for key in self._keys])
        except InvalidKeyFile as error:
            event("registry_keys.invalid", level="error", reason=f"{error}; the keys before this stay valid")
        self._mark = mark  # last, also of an invalid file: one event for each change


def _key(entry: list[str]) -> PublicKey:
    key = PublicKey.read(entry[0])
    for part in entry[1:]:
        name, _, time = part.partition("=")
        if name == "from":
            key = replace(key, valid_from=parse_rfc3339(time))
        elif name == "until":
            key = replace(key, valid_until=parse_rfc3339(time))
        else:
            raise InvalidKeyFile(f"{part[:100]!r} is neither from=TIME nor until=TIME")
    return key
