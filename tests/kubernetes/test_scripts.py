"""The scripts of the test cluster where no cluster can run: they name the reason, and change nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.cluster import SCRIPTS

NEEDED = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "etcd", "coredns")

on_linux_as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="the scripts refuse before they look, without Linux and root"
)


def script(name: str, directory: Path, binaries: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPTS / name), str(directory)],
        env=os.environ | {"BIN": str(binaries)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@on_linux_as_root
@pytest.mark.parametrize("missing", NEEDED)
def test_a_binary_that_is_missing_is_named_with_the_next_step(tmp_path: Path, missing: str) -> None:
    for name in NEEDED:
        if name != missing:
            (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
            (tmp_path / name).chmod(0o755)
    done = script("why_not.sh", tmp_path / "cluster", tmp_path)
    assert done.returncode == 1
    assert done.stdout == f"{missing} is not in {tmp_path}: run deploy/kubernetes/test/build.sh\n"


@on_linux_as_root
def test_a_start_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    done = script("up.sh", directory, tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"kube-apiserver is not in {tmp_path}: run deploy/kubernetes/test/build.sh\n"
    assert not directory.exists()


def test_the_end_of_no_cluster_is_no_error(tmp_path: Path) -> None:
    done = script("down.sh", tmp_path, tmp_path)
    assert (done.returncode, done.stdout) == (0, f"no test cluster in {tmp_path}\n")
    assert tmp_path.exists()
