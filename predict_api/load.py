"""(buffer, version) -> model. Carries the promise *safety*: what is loaded is the very buffer that was hashed.

The only place where predict_api unpickles, and it takes no path.
"""

from collections.abc import Collection

import sklearn

from changeover import digest
from changeover.artifact import version_skew
from changeover.artifact.load import load_model
from changeover.manifest.manifest import Manifest
from predict_api.exceptions import VersionSkew


def refuse_skew(manifest: Manifest, allowed: bool) -> None:
    """Raise VersionSkew for a model that another minor version of scikit-learn made, unless that is `allowed`."""
    refused = (
        None if allowed else version_skew.refusal(manifest.environment, {version_skew.SKLEARN: sklearn.__version__})
    )
    if refused:
        raise VersionSkew(refused)


def load(buffer: bytes, version: str, extra_globals: Collection[str]) -> object:
    """The estimator in `buffer`; raises DigestMismatch, ForbiddenGlobal or UnreadableArtifact."""
    digest.verify(buffer, version)
    return load_model(buffer, extra_globals)
