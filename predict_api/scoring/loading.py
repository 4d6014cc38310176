"""Loading of a version from verified bytes: load, replay the golden rows, verify the ONNX twin, warm up.

A version that fails here never answers a request.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

import sklearn
from joblib import parallel_config

from changeover import digest
from changeover.artifact import version_skew
from changeover.artifact.load import load_model
from changeover.estimator import golden_rows
from changeover.estimator.scores import Runtime
from changeover.estimator.scoring import score
from changeover.exceptions import ChangeoverError, GoldenMismatch, ScoringFailed
from changeover.manifest.manifest import Manifest
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.session import TwinRunner
from changeover.process.log_events import event
from changeover.request.reader import RequestReader
from changeover.schema.sample_row import made_up_row
from changeover.schema.schema import Schema
from predict_api.exceptions import ArtifactUnavailable, VersionSkew
from predict_api.scoring.interfaces import Prepared
from predict_api.scoring.scorers import EstimatorScorer, TwinScorer, score_by_either

TwinOf = Callable[[Manifest, str], bytes]  # a manifest and the SHA-256 of the twin that it names -> the twin


@dataclass(frozen=True)
class LoadSettings:
    """The settings of loading: additional globals, other versions of scikit-learn, the runtime."""

    extra_globals: tuple[str, ...] = ()
    allow_version_skew: bool = False
    runtime: Runtime = Runtime.ONNX


@dataclass(frozen=True)
class LoadedVersion:
    """A version that is loaded, replayed and warm; `twin` is None if the estimator scores alone."""

    estimator: object
    schema: Schema
    twin: TwinRunner | None


class Loader:
    """The loader of versions, in the calling process. `twin_of` returns a twin's bytes, or raises as `Fetch.twin`."""

    def __init__(self, twin_of: TwinOf, settings: LoadSettings) -> None:
        self._twin_of, self._settings = twin_of, settings

    def prepared(self, buffer: bytes, manifest: Manifest) -> Prepared:
        """The version in `buffer`, ready to answer from this process; raises any error of the version."""
        loaded = self.loaded(buffer, manifest)
        estimator_scorer = EstimatorScorer(loaded.estimator, loaded.schema)
        scorer = estimator_scorer if loaded.twin is None else TwinScorer(loaded.twin, loaded.schema, estimator_scorer)
        return Prepared(manifest, scorer, RequestReader(loaded.schema))

    def loaded(self, buffer: bytes, manifest: Manifest) -> LoadedVersion:
        """The parts of the version in `buffer`, ready to score; raises any error of the version."""
        skew = version_skew.refusal(manifest.environment, {version_skew.SKLEARN: sklearn.__version__})
        if skew and not self._settings.allow_version_skew:
            raise VersionSkew(skew)
        estimator = load(buffer, manifest.version, self._settings.extra_globals)
        schema = Schema.from_json(manifest.schema)
        with parallel_config(backend="threading"):  # as in `predict_api/scoring/scorers.py`
            if manifest.golden is not None:
                golden_rows.replay(estimator, schema, manifest.golden)
            else:
                _warm_up(estimator, schema)
        return LoadedVersion(estimator, schema, self._twin(estimator, schema, manifest))

    def _twin(self, estimator: object, schema: Schema, manifest: Manifest) -> TwinRunner | None:
        """The ONNX twin, if the version has one that can be read and passes the golden rows here, too.

        Raises ArtifactRefused for a twin other than the one that the manifest names.
        """
        expected = (manifest.twin or {}).get("sha256")
        if self._settings.runtime is Runtime.SKLEARN or not isinstance(expected, str):
            return None
        try:
            buffer = self._twin_of(manifest, expected)
            digest.verify(buffer, expected)
            twin = TwinRunner(buffer, schema)
            if manifest.golden is not None:
                golden_rows.replay_by(partial(score_by_either, twin, estimator, schema), schema, manifest.golden)
        except (ArtifactUnavailable, NoTwin, GoldenMismatch, ImportError) as error:
            event(
                "replica.without_twin",
                level="warning",
                model=manifest.model,
                version=manifest.version,
                reason=reason_of(error),
            )
            return None
        return twin


def _warm_up(estimator: object, schema: Schema) -> None:
    """Score one sample row, so that the first caller does not wait for the model's initialisation."""
    try:
        score(estimator, schema, {name: [cell] for name, cell in made_up_row(schema).items()}, 1)
    except ScoringFailed as error:
        event("prepare.not_warm", level="debug", reason=str(error))


def reason_of(error: Exception) -> str:
    """The message of `error` as one line for the operator."""
    return str(error) if isinstance(error, ChangeoverError) else f"{type(error).__name__}: {error}"


def load(buffer: bytes, version: str, extra_globals: Collection[str]) -> object:
    """The estimator in `buffer`; raises DigestMismatch, ForbiddenGlobal or UnreadableArtifact."""
    digest.verify(buffer, version)
    return load_model(buffer, extra_globals)
