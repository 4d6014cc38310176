"""A script that waits for the stack of a demo in its place: `python -IS wait.py PID`, in the process that started PID.

A demo that has shown everything has only to pass one signal on, and to end as the stack does. This script needs a tenth
of its memory. It uses the standard library alone.
"""

import os
import signal
import sys


def main(pid: int) -> int:
    """Wait for the child process `pid`; returns its exit code."""
    ending = False

    def end(_number: int, _frame: object) -> None:
        nonlocal ending
        if not ending:
            ending = True
            os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})  # those that came during the start
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
