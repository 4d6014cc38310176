"""Model names and version names: their syntax, and the resolution of a typed prefix.

`docs/glossary.md` defines *model* and *version*.
"""

import re
from collections.abc import Iterable
from typing import Final

from changeover.exceptions import AmbiguousVersion, InvalidName, InvalidVersion, UnknownVersion

MODEL_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
VERSION: Final = re.compile(r"[0-9a-f]{64}")
REPLICA: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")  # host, process id and a random part
SHORTEST_PREFIX: Final = 8  # digits
_PREFIX: Final = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},64}}")


def check_model_name(name: str) -> str:
    """Return `name` unchanged, or raise InvalidName."""
    if not MODEL_NAME.fullmatch(name):
        raise InvalidName(
            f"{name!r} is not a model name: use 1 to 63 of a-z, 0-9, '-' and '_', beginning with a letter or digit"
        )
    return name


def is_version(text: str) -> bool:
    """Whether `text` is a whole version: 64 lowercase hex digits."""
    return VERSION.fullmatch(text) is not None


def normalize_version(text: str) -> str:
    """Normalize a version or prefix as people type it (`SHA256:9F3C…`), or raise InvalidVersion.

    Upper case and a `sha256:` prefix are accepted; white space and other lengths are not.
    """
    bare = text.lower().removeprefix("sha256:")
    if not _PREFIX.fullmatch(bare):
        raise InvalidVersion(
            f"{text!r} is not a version: give the 64 hex digits of the artifact's SHA-256, or its first 8 or more"
        )
    return bare


def parse_pinned_version(text: str) -> str:
    """Return the whole version written in `MODEL_SHA256`, or raise InvalidVersion; a prefix is not enough here."""
    bare = text.lower().removeprefix("sha256:")
    if not VERSION.fullmatch(bare):
        raise InvalidVersion(
            f"{text!r} is not a SHA-256: give exactly 64 hex digits (`sha256sum model.joblib`), "
            f"with or without 'sha256:' before them and with no spaces; got {len(bare)} characters"
        )
    return bare


def resolve_version(text: str, versions: Iterable[str], model: str) -> str:
    """Return the version of `versions` that `text` names in full or by a prefix of 8 digits or more.

    Raises InvalidVersion, UnknownVersion or AmbiguousVersion, each naming the model.
    """
    wanted = normalize_version(text)
    matches = sorted({version for version in versions if version.startswith(wanted)})
    if not matches:
        raise UnknownVersion(f"model {model!r} has no version {wanted}; see GET /models/{model}/versions")
    if len(matches) > 1:
        shown = ", ".join(version[:16] for version in matches[:5])
        raise AmbiguousVersion(f"{wanted!r} could be {len(matches)} versions of {model!r}: {shown}; type more digits")
    return matches[0]


def short(version: str) -> str:
    """The first 12 digits, for people."""
    return version[:12]
