"""`python -m changeover.up.launch PARENT COMMAND...`: runs COMMAND and ends it with the process PARENT.

A service takes seconds to import before it could call `end_with_parent` itself, and its parent may die in that time.
This step runs first, and the kernel keeps its request over `exec`.
"""

import os
import sys

from changeover.process.parent_death import end_with_parent


def main(arguments: list[str]) -> None:
    """Replace this process by the command in `arguments[1:]`; the process id stays."""
    end_with_parent(int(arguments[0]))
    os.execvp(arguments[1], arguments[1:])  # noqa: S606 no shell is the point: the pid must stay


if __name__ == "__main__":
    main(sys.argv[1:])
