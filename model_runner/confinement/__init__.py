"""The confinement of a runner: resource limits, Landlock, seccomp, permits for its forks."""
