"""The limit of open files, which a process with many connections raises: the usual one is 1,024."""

import resource


def allow_open_files(count: int) -> None:
    """Raise the soft limit of this process and its children to `count`, or to the hard limit if that is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
