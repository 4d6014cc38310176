"""`python -m tests.clients` runs all clients against a stack and writes `docs/clients.md`."""

import tempfile
from pathlib import Path

from tests.clients.asked import ask, started
from tests.clients.environments import make
from tests.clients.page import PAGE, page

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        pythons = make(Path(folder) / "environments")
        stack = started(Path(folder) / "stack")
        try:
            text = page(ask(stack, pythons))
        finally:
            stack.stop()
    PAGE.write_text(text, encoding="utf-8")
    print(text)
