"""From verified bytes to what answers: load, replay the golden rows, take the twin, warm up.

Carries "Prepare" of the changeover and the promise *safety*: what fails here never answers a request.
"""

from collections.abc import Collection

from joblib import parallel_config

from changeover import digest, golden
from changeover.exceptions import ChangeoverError, GoldenMismatch, ScoringFailed
from changeover.log_events import event
from changeover.made_up import made_up_row
from changeover.manifest import Manifest
from changeover.schema import Schema
from changeover.scoring import score
from changeover.twin.exceptions import NoTwin
from changeover.twin.run import TwinRunner
from predict_api.cache import Cache
from predict_api.exceptions import ArtifactUnavailable
from predict_api.fetch import Fetch
from predict_api.held import Prepared, Runtime, Scorer
from predict_api.load import load, refuse_skew
from predict_api.scorer import ByEstimator, ByTwin


class Assembly:
    """Makes versions of one model ready. `runtime` SKLEARN leaves twins alone."""

    def __init__(
        self,
        fetch: Fetch,
        cache: Cache,
        extra_globals: Collection[str] = (),
        *,
        allow_version_skew: bool = False,
        runtime: Runtime = Runtime.ONNX,
    ) -> None:
        self._fetch, self._cache = fetch, cache
        self._extra_globals, self._allow_version_skew = extra_globals, allow_version_skew
        self._runtime = runtime

    def prepared(self, buffer: bytes, manifest: Manifest) -> Prepared:
        """The version in `buffer`, ready to answer; raises whatever is wrong with it."""
        refuse_skew(manifest, self._allow_version_skew)
        estimator = load(buffer, manifest.version, self._extra_globals)
        schema = Schema.from_json(manifest.schema)
        with parallel_config(backend="threading"):  # as in `scorer.py`
            if manifest.golden is not None:
                golden.replay(estimator, schema, manifest.golden)
            else:
                _warm_up(estimator, schema)
        return Prepared(manifest.version, self._scorer(estimator, schema, manifest), schema, manifest)

    def _scorer(self, estimator: object, schema: Schema, manifest: Manifest) -> Scorer:
        """The twin, if the version has one that can be had and holds here, too; else the estimator.

        Raises ArtifactRefused for a twin that is not the one that the manifest names.
        """
        original = ByEstimator(estimator, schema)
        expected = (manifest.twin or {}).get("sha256")
        if self._runtime is Runtime.SKLEARN or not isinstance(expected, str):
            return original
        try:
            buffer = self._cache.twin(manifest.model, manifest.version, expected, lambda: self._fetch.twin(manifest))
            digest.verify(buffer, expected)
            twin = ByTwin(TwinRunner(buffer, schema), schema, original)
            if manifest.golden is not None:
                golden.replay_by(twin.either, schema, manifest.golden)
        except (ArtifactUnavailable, NoTwin, GoldenMismatch, ImportError) as error:
            event(
                "replica.without_twin",
                level="warning",
                model=manifest.model,
                version=manifest.version,
                reason=reason_of(error),
            )
            return original
        return twin


def _warm_up(estimator: object, schema: Schema) -> None:
    """Score one made-up row, so that the first caller does not pay for what is set up on first use."""
    try:
        score(estimator, schema, {name: [cell] for name, cell in made_up_row(schema).items()}, 1)
    except ScoringFailed as error:
        event("prepare.not_warm", level="debug", reason=str(error))


def reason_of(error: Exception) -> str:
    """One line for the operator."""
    return str(error) if isinstance(error, ChangeoverError) else f"{type(error).__name__}: {error}"
