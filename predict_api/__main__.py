"""Serve predictions: `python -m predict_api`. Settings come from the environment, see the README."""

import sys
import tempfile
from pathlib import Path

from changeover.exceptions import InvalidSetting
from changeover.log_events import configure
from changeover.parent import end_with_parent
from changeover.settings import tell_libraries
from predict_api.settings import PredictSettings


def main() -> int:
    """Serve until SIGTERM; 0, or 2 if a setting is wrong."""
    end_with_parent()
    try:
        settings = PredictSettings.from_environment()
    except InvalidSetting as error:
        print(f"predict_api: {error}", file=sys.stderr)  # noqa: T201 there is no log before there are settings
        return 2
    configure("predict_api", settings.log_level)
    with tempfile.TemporaryDirectory(prefix="changeover-metrics-") as metrics_directory:
        # before numpy and prometheus_client are imported: both look only once; workers share the cores among them
        tell_libraries(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
        tell_libraries(override=True, PROMETHEUS_MULTIPROC_DIR=metrics_directory)
        from predict_api.app import Application
        from predict_api.workers import serve

        serve(settings, Path(metrics_directory), Application)
    return 0


if __name__ == "__main__":
    sys.exit(main())
