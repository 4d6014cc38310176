"""`python -m changeover.up.launch PARENT COMMAND...`: become COMMAND, but end with the process PARENT.

Between the start of a child and its own call of `end_with_parent` lie the imports of a service. This step closes that
gap: what is asked of the kernel lasts over `exec`.
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
