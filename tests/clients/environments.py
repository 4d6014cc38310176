"""The environments of the clients: a virtual environment for each lock file in `requirements/`, made in parallel.

The locks have what the client's own modules import, and no more: kserve's has 44 packages of its 67.
"""

import re
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"
CLIENTS = {  # the module's file, and the package that the page names
    "tritonclient": "tritonclient",
    "kserve": "kserve",
    "mlserver": "mlserver",
    "mlflow": "mlflow-skinny",
}
_UNREACHABLE = ("No matching distribution", "ConnectionError", "Connection refused", "ReadTimeout", "ProxyError")


class NoPackageIndex(Exception):
    """Packages that cannot be downloaded here."""


def make(folder: Path) -> dict[str, Path]:
    """The interpreter of each client; raises NoPackageIndex."""
    processes = {}
    for client in CLIENTS:
        venv.create(folder / client, symlinks=True)
        target = ["--python", str(folder / client / "bin" / "python")]
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command = [sys.executable, "-m", "pip", *target, "install", *options, "-r", str(REQUIREMENTS / f"{client}.txt")]
        processes[client] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors = {client: process.communicate()[1] for client, process in processes.items()}
    for client, process in processes.items():
        if process.returncode:
            if any(word in errors[client] for word in _UNREACHABLE):
                raise NoPackageIndex(errors[client])
            raise RuntimeError(f"the environment of {client} could not be made: {errors[client]}")
    return {client: folder / client / "bin" / "python" for client in CLIENTS}


def locked_version(client: str) -> str:
    """The version of a client in its lock."""
    lock = (REQUIREMENTS / f"{client}.txt").read_text(encoding="utf-8")
    (version,) = re.findall(rf"^{CLIENTS[client]}==(\S+)", lock, re.MULTILINE)
    return str(version)
