"""Attacks by code of the attacker's choice, without a class or function outside the list.

`joblib.Memory` unpickles a file in its folder, and the artifact wrote that file itself: `forging.chosen_code`.
"""

from collections.abc import Callable

from tests.attacks.artifacts.forging import chosen_code
from tests.attacks.attack import FIRST, SECOND, Attack, Target
from tests.forged_models import dumped

_NAME = "import ctypes; ctypes.CDLL(None).prctl(15, {program!r}.encode())\n"
_SOURCES = {
    "a file": "open({file!r}, 'w').write('code ran')",
    "a program": "import subprocess; subprocess.Popen([{program!r}, '600'], executable='/bin/sleep', start_new_session=True)",
    "fork": "import os, signal\nif os.fork() == 0:\n    os.setsid()\n    " + _NAME + "    signal.pause()",
    "connect": "import socket; socket.create_connection(('127.0.0.1', {port}), 2).sendall(b'hello')",
    "environment": "import os; raise ValueError(str(dict(os.environ)))",
    "kill the parent": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "exit": "import os; os._exit(0)",
    "patched JSON": "import json; json.dumps = lambda *a, **k: '{{\"prediction\": 666}}'",
    "patched model loading": "import numpy; numpy.asarray = numpy.array = lambda *a, **k: 1 / 0",
    "every descriptor": "import os\nfor n in range(3, 64):\n    try: os.write(n, b'HTTP/1.1 200 OK\\r\\n\\r\\n')\n    except OSError: pass",
    "closed descriptors": "import os; os.closerange(3, 1024)",
    "a thread that stays": "import threading, pathlib\nthreading.Timer(0.2, lambda: pathlib.Path({file!r}).touch()).start()",
}
_ENDS = {"exit": ("model-crashed",), "closed descriptors": ("model-crashed",)}


def _build(name: str, source: str) -> Callable[[Target], bytes]:
    def build(target: Target) -> bytes:
        words = {
            "file": target.file(name.replace(" ", "-").replace("/", "-")),
            "program": target.program,
            "port": target.port,
            "address": target.address,
            "secret": str(target.secret_file),
        }
        folder = target.file(f"cache-{name.replace(' ', '-')}", "/tmp")
        return dumped(chosen_code(source.format(**words), folder))

    return build


ATTACKS = tuple(
    Attack(f"code: {name}", f"joblib.Memory unpickles code: {name}", _build(name, source), (FIRST, SECOND, FIRST))
    for name, source in _SOURCES.items()
)
