"""`python -m predict_api`: the entry point of the prediction API. Settings come from the environment, see README.md."""

import socket
import sys
import tempfile
from functools import partial
from pathlib import Path

from changeover.artifact import extra_globals
from changeover.exceptions import InvalidSetting
from changeover.process.log_events import configure, event
from changeover.process.own_networks import with_names_replaced
from changeover.process.parent_death import end_with_parent
from changeover.process.settings import misspelt_settings, tell_libraries, variables_of_platform
from predict_api import container
from predict_api.pinned.artifact_file import PinnedFile
from predict_api.pinned.examination import refusal
from predict_api.settings import PredictSettings


def main() -> int:
    """Serve until SIGTERM.

    Returns 0, or 2 if a setting is invalid, the port is taken, or MODEL_FILE is not the pinned artifact; 1 if the pinned
    artifact cannot be served.
    """
    end_with_parent()
    configure("predict_api")
    for variable, setting in misspelt_settings(PredictSettings).items():
        event("settings.unknown", level="warning", variable=variable, reason=f"is {setting} meant?")
    try:
        chosen = container.defaults(sys.argv[1:], variables_of_platform(*container.VERTEX))
        settings = PredictSettings.from_environment(chosen)
        _refuse_a_busy_port(settings)
        with_names_replaced(settings.trusted_proxies, "TRUSTED_PROXIES")
        extra_globals.refuse_missing(settings.extra_globals, isolated=True)
        file = _pinned_file(settings)
    except InvalidSetting as error:
        event("settings.invalid", level="error", reason=str(error))
        return 2
    configure("predict_api", settings.log_level)
    with tempfile.TemporaryDirectory(prefix="changeover-metrics-") as metrics_directory:
        # before the import of numpy and prometheus_client, which read these once; the workers share the cores
        tell_libraries(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
        tell_libraries(override=True, PROMETHEUS_MULTIPROC_DIR=metrics_directory)
        _start_host(Path(metrics_directory), settings)
        from predict_api.app import Application, PinnedApplication
        from predict_api.workers import serve

        serve(settings, Path(metrics_directory), Application if file is None else partial(PinnedApplication, file))
        reason = refusal(Path(metrics_directory))
    if reason:
        event("pinned.refused", level="error", file=str(file and file.path), reason=reason)
    return 1 if reason else 0


def _pinned_file(settings: PredictSettings) -> PinnedFile | None:
    """The artifact of MODEL_FILE, verified; None without that setting. Raises InvalidSetting."""
    if settings.model_file is None or settings.pinned_version is None:
        return None
    file = PinnedFile.find(settings.model_file, settings.pinned_version)
    file.described()
    return file


def _start_host(directory: Path, settings: PredictSettings) -> None:
    """Start the host of the models' processes: it imports scikit-learn while this process starts the workers."""
    from predict_api.runner_settings import host_client

    host_client(directory, settings).begin()


def _refuse_a_busy_port(settings: PredictSettings) -> None:
    """Raise InvalidSetting if the port is taken: with SO_REUSEPORT, a second instance would share it silently."""
    address = (settings.predict_host, settings.predict_port)
    family = socket.AF_INET6 if ":" in settings.predict_host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise InvalidSetting(
                f"PREDICT_HOST and PREDICT_PORT: {address[0]}:{address[1]} cannot be listened on: {error.strerror}"
            ) from error


if __name__ == "__main__":
    sys.exit(main())
