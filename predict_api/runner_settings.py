"""The settings of the processes that run models, from the settings of predict_api."""

from pathlib import Path

from model_runner.pool.client import HostClient
from model_runner.pool.confinement import MEASURES
from model_runner.pool.host_messages import HostSettings, Preload
from model_runner.pool.processes import host_folder
from predict_api.settings import PredictSettings


def host_client(directory: Path, settings: PredictSettings) -> HostClient:
    """A client of the host of an instance whose private directory this is."""
    return HostClient(host_folder(directory), host_settings(settings))


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
