"""`python -m predict_api`: the entry point of the prediction API. Settings come from the environment, see README.md.

The imports of the models' processes take longest of all at a start, so these processes are started before the settings
are read, and this file imports little else before that.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

from model_runner.pool.processes import HostProcess, host_folder


def main() -> int:
    """Serve until SIGTERM.

    Returns 0, or 2 if a setting is invalid, the port is taken, or MODEL_FILE is not the pinned artifact; 1 if the pinned
    artifact cannot be served.
    """
    with tempfile.TemporaryDirectory(prefix="changeover-metrics-") as name:
        directory = Path(name)
        host = HostProcess(host_folder(directory))
        from changeover.process.parent_death import end_with_parent

        end_with_parent()
        from predict_api import startup

        if (checked := startup.checked_settings()) is None:
            host.abandon()
            return 2
        settings, file = checked
        startup.prepare_imports(settings, directory, host)
        from predict_api.app import Application, PinnedApplication
        from predict_api.workers import serve

        serve(settings, directory, Application if file is None else partial(PinnedApplication, file))
        return startup.exit_status(directory, file)


if __name__ == "__main__":
    sys.exit(main())
