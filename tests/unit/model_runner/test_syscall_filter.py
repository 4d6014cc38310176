"""The system call filter of a runner, run here by an interpreter of its instructions."""

import struct

import pytest

from model_runner.confinement.syscall_filter import numbers, program

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, EPERM, EACCES, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x0005000D, 0x00050026
PID = 4242


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """The kernel's verdict on a system call."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number, architecture or ARCHITECTURE[machine], 0, *padded)
    steps = list(struct.iter_unpack("=HBBI", program(machine, PID)))
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
            continue
        holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}[code]
        at += if_true if holds else if_false


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("name", ["socket", "connect", "execve", "ptrace", "unlinkat", "setuid", "io_uring_setup"])
def test_system_calls_that_an_examination_does_not_need_are_refused(machine: str, name: str) -> None:
    assert verdict(machine, numbers(machine)[name]) == EPERM


def test_threads_are_allowed_and_processes_are_not(machine: str) -> None:
    assert verdict(machine, numbers(machine)["clone"], 0x00010F00) == ALLOW
    assert verdict(machine, numbers(machine)["clone"], 17) == EPERM
    assert verdict(machine, numbers(machine)["clone3"]) == ENOSYS


def test_only_the_own_process_can_be_signalled(machine: str) -> None:
    for name in ("kill", "tgkill"):
        assert verdict(machine, numbers(machine)[name], PID) == ALLOW
        assert verdict(machine, numbers(machine)[name], 1) == EPERM
        assert verdict(machine, numbers(machine)[name], 0xFFFFFFFF) == EPERM  # all processes


def test_files_are_opened_for_reading_only(machine: str) -> None:
    for flags in (0, 0o2000000):
        assert verdict(machine, numbers(machine)["openat"], 0, 0, flags) == ALLOW
    for flags in (0o1, 0o2, 0o101, 0o1000):
        assert verdict(machine, numbers(machine)["openat"], 0, 0, flags) == EACCES


def test_limits_are_read_and_not_set(machine: str) -> None:
    number = numbers(machine)["prlimit64"]
    assert verdict(machine, number, 0, 7, 0) == ALLOW
    assert verdict(machine, number, 0, 7, 0x1000) == EPERM
    assert verdict(machine, number, 0, 7, 0x1_0000_0000) == EPERM


def test_the_rest_is_as_before(machine: str) -> None:
    forbidden = set(numbers(machine).values())
    for number in set(range(500)) - forbidden:
        assert verdict(machine, number) == ALLOW


def test_another_table_of_system_calls_is_the_end(machine: str) -> None:
    assert verdict(machine, 0, architecture=0x40000003) == KILL
    assert verdict("x86_64", 0x40000000) == KILL
