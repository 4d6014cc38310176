"""The embedded store: SeaweedFS as one child process, for stacks without Docker.

`python -m object_store.embedded --dir DIR --port P` replaces itself by `weed mini`, so that the process id is the
store's. The store listens on the loopback interface only, without telemetry, admin UI or WebDAV. Its S3 API needs the
keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, its other ports a certificate that only the store has
(`object_store/embedded_tls.py`). Its data, log and ports are kept below DIR. It ends when its parent does.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final, NoReturn

from changeover.exceptions import ChangeoverError
from changeover.process.parent_death import end_with_parent
from object_store.embedded_ports import choose_ports
from object_store.embedded_tls import shut_ports
from object_store.exceptions import StoreUnavailable
from object_store.settings import KeySettings

_WEED: Final = Path(sysconfig.get_path("scripts")) / "weed"
_NICE: Final = 5  # lowers the priority: predict_api on the same machine must not wait for a copy of a large model
_LOOPBACK: Final = "127.0.0.1"


def main(arguments: list[str] | None = None) -> int:
    """Replace this process by the store; returns a status only on failure or on systems without `exec`."""
    parser = argparse.ArgumentParser(prog="python -m object_store.embedded", description="Run the embedded store.")
    parser.add_argument("--dir", type=Path, required=True, help="folder of its data, log and ports")
    parser.add_argument(
        "--port", type=int, default=0, help="the port of its S3 API; 0 = the previous one, or a free one"
    )
    options = parser.parse_args(arguments)
    try:
        end_with_parent()
        os.nice(_NICE)
        return run(options.dir.resolve(), options.port)
    except (ChangeoverError, OSError) as error:
        print(f"object_store.embedded: {error}", file=sys.stderr)  # noqa: T201 it is how this command says it
        return 1


def run(folder: Path, port: int) -> int:
    """Start the store in `folder` on `port`; see `main`."""
    settings = KeySettings.from_environment()
    os.umask(0o077)
    for directory in (folder, folder / "data", folder / "log"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    _lock(folder)
    shut_ports(folder)
    command = weed_command(choose_ports(folder / "ports.json", port))
    environment = {
        "AWS_ACCESS_KEY_ID": settings.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": settings.aws_secret_access_key.get_secret_value(),
        "HOME": str(folder),  # weed reads its configuration from there only
        "PATH": os.defpath,
    }
    os.chdir(folder)
    output = os.open("log/weed.out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    start = _become if sys.platform == "linux" else _stay_and_watch
    return start(command, environment, output)


def weed_command(ports: dict[str, int]) -> list[str]:
    """The command line of the store, run in its folder; other users can read it, so it holds no secret."""
    options = {
        "dir": "data",
        "ip": _LOOPBACK,
        "ip.bind": _LOOPBACK,
        "admin.ui": "false",
        "disableHttp": "true",  # the filer's HTTP needs no key
        "filer.localSocket": "filer.sock",  # relative to DIR; an absolute path may be too long for a socket
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": "8192",  # volume files grow as needed; weed's worker re-codes full ones
        "volume.max": "512",  # the default is the number of full volumes that fit: none on a small disk
        "s3.autoCreateBucket": "false",
        "s3.localSocket": "s3.sock",
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "volume.preStopSeconds": "0",
        "webdav": "false",
        **{option: str(port) for option, port in ports.items()},
    }
    log = ["-logdir=log", "-alsologtostderr=false", "-log_max_size_mb=16", "-log_max_files=2"]
    return [str(_WEED), *log, "mini", *(f"-{option}={value}" for option, value in options.items())]


def _lock(folder: Path) -> None:
    """Lock `folder` for the lifetime of this process, over `exec` too: two stores would corrupt it."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreUnavailable(f"another store runs in {folder}: stop it, or give another --dir") from None
    os.set_inheritable(lock, True)


def _become(command: list[str], environment: dict[str, str], output: int) -> NoReturn:
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.execve(command[0], command, environment)  # noqa: S606 there is no shell


def _stay_and_watch(command: list[str], environment: dict[str, str], output: int) -> int:
    """Run the store as a child, for systems where a thread watches the parent; pass on signals and status."""
    with subprocess.Popen(command, env=environment, stdout=output, stderr=output) as weed:  # noqa: S603 ours
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: weed.send_signal(received))
        return weed.wait()


if __name__ == "__main__":
    sys.exit(main())
