"""`changeover up`: its files, its restarts, its refusals and its end."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from changeover import stack
from changeover.up import plan
from tests.conftest import wait_until
from tests.e2e.conftest import StartStack
from tests.processes.service import gone
from tests.processes.up import RunningStack, command


def environment_of(pid: int) -> dict[str, str]:
    return psutil.Process(pid).environ()


def test_up_json_describes_the_stack_and_is_its_owners_alone(running_stack: RunningStack) -> None:
    path = stack.up_file(running_stack.home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    described, pids = running_stack.described, running_stack.pids
    assert set(described.to_json()) == {
        "predict_urls", "server_url", "store_url", "bucket", "token", "access_key", "secret_key", "pids",
    }  # fmt: skip
    assert pids.up == running_stack.process.pid
    assert [len(instance) for instance in pids.predict_api] == [3]
    for pid in [pids.store, pids.model_server, *pids.predict_api[0]]:
        assert psutil.pid_exists(pid)
    assert requests.get(f"{described.server_url}/livez", timeout=5).status_code == 200
    assert requests.get(f"{described.predict_urls[0]}/livez", timeout=5).status_code == 200


def test_secrets_are_readable_by_their_owner_only_and_never_printed(running_stack: RunningStack) -> None:
    folder = running_stack.home / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    described = running_stack.described
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    logs = "".join(path.read_text(errors="replace") for path in (running_stack.home / "log").glob("*.log"))
    for secret in (described.token, described.secret_key):
        assert secret
        assert secret not in running_stack.printed() + logs


def test_predict_api_gets_neither_store_keys_nor_the_publish_token(running_stack: RunningStack) -> None:
    described = running_stack.described
    for pid in running_stack.pids.predict_api[0]:
        variables = environment_of(pid)
        assert not [name for name in variables if name.startswith("AWS_") or name == "PUBLISH_TOKEN"]
        assert not {described.token, described.access_key, described.secret_key} & set(variables.values())


def test_no_process_gets_what_only_its_caller_needs(start_stack: StartStack) -> None:
    started = start_stack(environment={"ANOTHER_PROGRAMS_TOKEN": "a-secret", "LOG_LEVEL": "debug"})
    pids = started.pids
    for pid in (pids.store, pids.model_server, *pids.predict_api[0]):
        assert "ANOTHER_PROGRAMS_TOKEN" not in environment_of(pid)
    for pid in (pids.model_server, *pids.predict_api[0]):
        assert environment_of(pid)["LOG_LEVEL"] == "debug"


def test_a_second_up_on_the_same_home_is_refused(running_stack: RunningStack) -> None:
    second = subprocess.run(command(running_stack.home), capture_output=True, text=True, timeout=240, check=False)
    assert second.returncode == 1
    assert f"already runs on {running_stack.home} (process {running_stack.process.pid})" in second.stderr
    assert "--home" in second.stderr
    assert running_stack.pids.up == running_stack.process.pid


def test_a_busy_port_is_named_with_its_owner_and_the_option(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        words = command(tmp_path / "home", predict_port=port)
        ended = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 1
    assert f"port {port} is held by" in ended.stderr
    assert f"(process {os.getpid()})" in ended.stderr
    assert "--predict-port" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not stack.up_file(tmp_path / "home").exists()


def test_a_killed_service_is_started_again_and_up_json_names_its_successor(start_stack: StartStack) -> None:
    started = start_stack(replicas=2)
    assert len(started.described.predict_urls) == 2
    for service in plan.SERVICES:
        before = started.pids
        old = {
            plan.STORE: before.store,
            plan.MODEL_SERVER: before.model_server,
            plan.PREDICT_API: before.predict_api[1][0],
        }
        os.kill(old[service], signal.SIGKILL)

        def replaced(service: str = service, old: int = old[service]) -> bool:
            now = started.pids
            new = {plan.STORE: now.store, plan.MODEL_SERVER: now.model_server, plan.PREDICT_API: now.predict_api[1][0]}
            return new[service] != old and psutil.pid_exists(new[service])

        wait_until(replaced, 20, f"a successor of {service}")
    urls = [started.described.server_url, *started.described.predict_urls]
    wait_until(lambda: all(_lives(url) for url in urls), 30, "every service")


def test_a_killed_worker_is_replaced_in_up_json(start_stack: StartStack) -> None:
    started = start_stack()
    first, *workers = started.pids.predict_api[0]
    os.kill(workers[0], signal.SIGKILL)

    def replaced() -> bool:
        now = started.pids.predict_api[0]
        return now[0] == first and len(now) == 3 and workers[0] not in now

    wait_until(replaced, 20, "another worker")


def test_sigint_ends_everything_with_0(start_stack: StartStack) -> None:
    started = start_stack()
    processes = started.processes()
    assert len(processes) >= 6
    assert started.stop(signal.SIGINT) == 0
    wait_until(lambda: gone(processes), 10, "the end of every process")
    assert not stack.up_file(started.home).exists()


def test_sigterm_ends_everything_with_0_and_what_was_kept_is_used_again(start_stack: StartStack) -> None:
    started = start_stack()
    processes, described = started.processes(), started.described
    assert started.stop(signal.SIGTERM) == 0
    wait_until(lambda: gone(processes), 10, "the end of every process")
    again = start_stack(home=started.home)
    assert (again.described.token, again.described.secret_key) == (described.token, described.secret_key)


def test_sigkill_of_up_leaves_no_process_and_the_next_up_starts(start_stack: StartStack) -> None:
    started = start_stack()
    processes = started.processes()
    started.process.kill()
    started.process.wait()
    again = start_stack(home=started.home)
    assert again.pids.up != started.process.pid
    wait_until(lambda: gone(processes), 20, "the end of every process")


@pytest.mark.parametrize("hangup", ["SIG_DFL", "SIG_IGN"], ids=["ordinary", "all under nohup"])
def test_sigkill_of_the_parent_of_up_leaves_no_process(tmp_path: Path, hangup: str) -> None:
    home = tmp_path / "home"
    script = (
        f"import signal, subprocess, sys; signal.signal(signal.SIGHUP, signal.{hangup}); subprocess.run(sys.argv[1:])"
    )
    with (tmp_path / "out").open("wb") as output:
        parent = subprocess.Popen([sys.executable, "-c", script, *command(home)], stdout=output, stderr=output)
    try:
        wait_until(lambda: stack.up_file(home).exists(), 60, "up.json")
        processes = psutil.Process(parent.pid).children(recursive=True)
        assert len(processes) >= 6
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: gone(processes), 30, "the end of every process")
    assert not stack.up_file(home).exists()


def test_under_nohup_it_outlives_its_parent(tmp_path: Path) -> None:
    home = tmp_path / "home"
    script = (
        "import signal, subprocess, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL); "
        "signal.signal(signal.SIGHUP, signal.SIG_DFL); sys.stdin.read()"
    )
    words = [sys.executable, "-c", script, *command(home)]
    with (tmp_path / "out").open("wb") as output:
        parent = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=output, stderr=output)
    try:
        wait_until(lambda: stack.up_file(home).exists(), 60, "up.json")
    finally:
        parent.kill()
        parent.communicate()
    pids = stack.read(home).pids
    assert pids is not None
    up = psutil.Process(pids.up)
    processes = [up, *up.children(recursive=True)]
    before = pids.predict_api[0][1]
    try:
        os.kill(before, signal.SIGKILL)  # a restarted worker shows that `up` still runs
        wait_until(lambda: _workers_without(home, before), 30, "another worker")
    finally:
        up.send_signal(signal.SIGTERM)  # no parent is left to end it
    wait_until(lambda: gone(processes), 30, "the end of every process")


def _workers_without(home: Path, dead: int) -> bool:
    pids = stack.read(home).pids
    return pids is not None and len(pids.predict_api[0]) == 3 and dead not in pids.predict_api[0]


def test_restart_waits_for_a_successor_that_answers(start_stack: StartStack) -> None:
    started = start_stack(replicas=2)
    for service in plan.SERVICES:
        before = started.pids
        words = [sys.executable, "-m", "changeover", "restart", service, "--home", str(started.home)]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert ended.returncode == 0, ended.stderr
        after = started.pids
        assert after != before
        assert after.up == before.up
    assert all(_lives(url) for url in [started.described.server_url, *started.described.predict_urls])


def test_a_service_that_cannot_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    words = command(tmp_path / "home")
    environment = {**os.environ, "PREPARE_TIMEOUT": "soon"}
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert ended.returncode == 1
    assert "model_server does not start" in ended.stderr
    assert "PREPARE_TIMEOUT" in ended.stderr


def _lives(url: str) -> bool:
    try:
        return requests.get(f"{url}/livez", timeout=5).status_code == 200
    except requests.RequestException:
        return False
