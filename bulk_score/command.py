"""The process behind `changeover score`: it reads a request, runs it, and writes messages."""

import sys

import msgspec

from bulk_score.messages import Failed, Message, Request, line
from bulk_score.run import RunFailed, run
from changeover.exceptions import ChangeoverError


def main() -> None:
    """Run the request on standard input."""
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    try:
        _tell(run(request, _tell))
    except (ChangeoverError, OSError) as error:
        _tell(Failed(error.kind if isinstance(error, RunFailed) else type(error).__name__, str(error)))
        sys.exit(1)


def _tell(message: Message) -> None:
    sys.stdout.buffer.write(line(message))
    sys.stdout.buffer.flush()
