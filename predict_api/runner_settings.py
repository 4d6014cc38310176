"""The settings of the processes that run models, from the settings of predict_api."""

from model_runner.pool.confinement import MEASURES
from model_runner.pool.host_messages import HostSettings, Preload
from predict_api.prediction.large_requests import threads_of_a_worker
from predict_api.scoring.runner_scorer import ScoreLimits
from predict_api.settings import PredictSettings


def host_settings(settings: PredictSettings) -> HostSettings:
    """The settings of the host, with the environments that it has."""
    preload = Preload(extra_globals=list(settings.extra_globals), threads=settings.runner_threads)
    return HostSettings(
        environments={},
        memory_bytes=settings.runner_memory_bytes,
        environments_dir=str(settings.environments_dir or ""),
        preload=preload,
        required=list(MEASURES) if settings.require_confinement else [],
        log_level=settings.log_level,
    )


def score_limits(settings: PredictSettings) -> ScoreLimits:
    """The limits of scoring in one worker."""
    return ScoreLimits(settings.score_timeout, threads_of_a_worker(settings.threads) // 2)
