"""`python -m bulk_score run PARENT`: one run, by the request on standard input; `worker PARENT`: one of its workers.

`replay PARENT`: one answer again, for `changeover replay`.
"""

import signal
import sys

from changeover.process.parent_death import end_with_parent
from changeover.process.settings import tell_libraries

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Run, or work. Messages go to standard output as lines of JSON."""
    end_with_parent(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command ends by it, and this process with the command
    tell_libraries(
        override=True, **dict.fromkeys(_ONE_THREAD, "1")
    )  # a worker for each core, and the same sums anywhere
    if sys.argv[1] == "worker":
        from bulk_score.worker import main as work

        work()
        return
    if sys.argv[1] == "replay":
        from bulk_score.replay import main as replay

        replay()
        return
    from bulk_score.command import main as command

    command()


if __name__ == "__main__":
    main()
