"""(buffer, version) -> model. Carries the promise *safety*: what is loaded is the very buffer that was hashed.

The only place where predict_api unpickles, and it takes no path.
"""

from collections.abc import Collection

from changeover import digest, unpickle


def load(buffer: bytes, version: str, extra_globals: Collection[str]) -> object:
    """The estimator in `buffer`; raises DigestMismatch, ForbiddenGlobal or UnreadableArtifact."""
    digest.verify(buffer, version)
    return unpickle.load_model(buffer, extra_globals)
