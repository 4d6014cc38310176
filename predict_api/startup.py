"""The start of an instance of predict_api: its settings are read, and refused if anything is invalid."""

import socket
import sys
from pathlib import Path

from changeover.artifact import extra_globals
from changeover.exceptions import InvalidSetting
from changeover.process.log_events import configure, event
from changeover.process.own_networks import with_names_replaced
from changeover.process.settings import misspelt_settings, tell_libraries, variables_of_platform
from changeover.tls.files import check as check_tls
from model_runner.pool.processes import HostProcess
from predict_api import container
from predict_api.pinned.artifact_file import PinnedFile
from predict_api.pinned.examination import refusal
from predict_api.runner_settings import host_client
from predict_api.settings import PredictSettings


def checked_settings() -> tuple[PredictSettings, PinnedFile | None] | None:
    """The settings, and the pinned artifact if MODEL_FILE names one. None, and an event, if anything is invalid."""
    configure("predict_api")
    for variable, setting in misspelt_settings(PredictSettings).items():
        event("settings.unknown", level="warning", variable=variable, reason=f"is {setting} meant?")
    try:
        chosen = container.defaults(sys.argv[1:], variables_of_platform(*container.VERTEX))
        settings = PredictSettings.from_environment(chosen)
        _refuse_a_busy_port(settings)
        with_names_replaced(settings.trusted_proxies, "TRUSTED_PROXIES")
        extra_globals.refuse_missing(settings.extra_globals, isolated=True)
        check_tls(settings)
        file = _pinned_file(settings)
    except InvalidSetting as error:
        event("settings.invalid", level="error", reason=str(error))
        return None
    return settings, file


def prepare_imports(settings: PredictSettings, directory: Path, host: HostProcess) -> None:
    """Configure the log, the libraries and the host. Call this before numpy and prometheus_client are imported.

    They read their variables once. The workers share the cores, so each has one thread of the numerical libraries.
    """
    configure("predict_api", settings.log_level)
    tell_libraries(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    tell_libraries(override=True, PROMETHEUS_MULTIPROC_DIR=str(directory))
    host_client(directory, settings).begin(host)


def exit_status(directory: Path, file: PinnedFile | None) -> int:
    """0, or 1 and an event if the pinned artifact could not be served."""
    reason = refusal(directory)
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
