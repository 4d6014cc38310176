"""The parts of `changeover up` without processes: environments, delays of restarts, ports, secrets, log lines."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from changeover import stack
from changeover.up import home, ports, secrets
from changeover.up.child import restart_delay
from changeover.up.exceptions import AlreadyUp, PortBusy
from changeover.up.log_tail import LogTail, fresh_log
from changeover.up.plan import MODEL_SERVER, PREDICT_API, STORE, Part, Ports, plan

SECRETS = secrets.Secrets("ACCESS", "SECRET", "PUBLISH", "REPORT")


def parts(inherited: dict[str, str] | None = None, instances: int = 2) -> list[Part]:
    listening = Ports(store=1, server=2, predict=tuple(range(3, 3 + instances)))
    return plan(Path("/home"), listening, 4, SECRETS, inherited or {})


def test_each_service_gets_only_the_secrets_it_needs() -> None:
    credentials = {
        part.name: set(part.environment.values()) & {"ACCESS", "SECRET", "PUBLISH", "REPORT"} for part in parts()
    }
    assert credentials == {
        STORE: {"ACCESS", "SECRET"},
        MODEL_SERVER: {"ACCESS", "SECRET", "PUBLISH", "REPORT"},
        "predict_api-0": {"REPORT"},
        "predict_api-1": {"REPORT"},
    }


def test_the_token_of_the_stack_counts_beside_named_ones() -> None:
    server = {part.name: part for part in parts({"TOKENS_FILE": "/tokens", "PUBLISH_TOKEN_NAME": ""})}[
        MODEL_SERVER
    ].environment
    assert (server["TOKENS_FILE"], server["PUBLISH_TOKEN_NAME"]) == ("/tokens", "publish-token")
    named = {part.name: part for part in parts({"PUBLISH_TOKEN_NAME": "ops"})}[MODEL_SERVER].environment
    assert named["PUBLISH_TOKEN_NAME"] == "ops"


def test_settings_pass_through_but_credentials_of_the_shell_do_not() -> None:
    shell = {
        "LOG_LEVEL": "debug",
        "CHECK_DEADLINE_MS": "100",
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "x",
        "PUBLISH_TOKEN": "x",
        "REPORT_TOKEN_FILE": "x",
        "CHANGEOVER_TOKEN": "x",
    }
    log_levels = [(part.service, part.environment.get("LOG_LEVEL")) for part in parts(shell, instances=1)]
    assert log_levels == [(STORE, None), (MODEL_SERVER, "debug"), (PREDICT_API, "debug")]
    for part in parts(shell):
        assert part.environment.get("CHECK_DEADLINE_MS") == ("100" if part.service == PREDICT_API else None)
        assert "x" not in part.environment.values()
        assert "AWS_PROFILE" not in part.environment


def test_both_services_use_the_environments_in_the_home_unless_others_are_named() -> None:
    def folders(inherited: dict[str, str]) -> set[str]:
        return {part.environment["ENVIRONMENTS_DIR"] for part in parts(inherited) if part.service != STORE}

    assert folders({}) == {"/home/environments"}
    assert folders({"ENVIRONMENTS_DIR": "/opt"}) == {"/opt"}


def test_with_a_certificate_both_services_are_called_by_https() -> None:
    secured = parts({"TLS_CERT": "/c", "TLS_KEY": "/k", "TLS_CA": "/a"})
    assert [part.url.partition(":")[0] for part in secured] == ["http", "https", "https", "https"]
    assert secured[2].environment["MODEL_SERVER_URL"] == secured[1].url
    assert secured[1].environment["PREDICT_URL"] == secured[2].url
    assert all({"TLS_CERT", "TLS_KEY", "TLS_CA"} <= part.environment.keys() for part in secured[1:])


def test_instances_of_predict_api_have_ports_and_caches_of_their_own() -> None:
    instances = [part for part in parts() if part.service == PREDICT_API]
    assert [part.url for part in instances] == ["http://127.0.0.1:3", "http://127.0.0.1:4"]
    assert len({part.environment["CACHE_DIR"] for part in instances}) == 2
    assert {part.environment["WORKERS"] for part in instances} == {"4"}


def test_the_first_restart_is_immediate_and_later_ones_wait_longer_up_to_5_s() -> None:
    delays = [restart_delay(failures) for failures in range(12)]
    assert delays[:4] == [0.0, 0.0, 0.25, 0.5]
    assert delays == sorted(delays)
    assert max(delays) == 5.0


def test_a_port_asked_for_twice_is_refused() -> None:
    taken: set[int] = set()
    port = ports.choose(0, "--server-port", taken)
    with pytest.raises(PortBusy, match="--predict-port"):
        ports.choose(port, "--predict-port", taken)


def test_further_replicas_take_the_next_ports_that_are_free_and_not_our_own() -> None:
    server = ports.find_free(set())
    with socket.socket() as holder:
        holder.bind((ports.LOOPBACK, 0))
        holder.listen()
        busy = holder.getsockname()[1]
        assert ports.next_free(server - 1, {server}) > server
        assert ports.next_free(busy - 1, set()) > busy


def test_free_ports_are_below_those_of_outgoing_connections() -> None:
    taken: set[int] = set()
    free_ports = [ports.choose(0, "--store-port", taken) for _ in range(20)]
    assert len(set(free_ports)) == 20
    assert max(free_ports) < 32768 or max(free_ports) < ports.first_ephemeral()


def test_secrets_are_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PUBLISH_TOKEN", "PUBLISH_TOKEN_FILE", "REPORT_TOKEN", "REPORT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "secrets"
    made = secrets.keep(folder)
    assert secrets.keep(folder) == made
    assert len({made.access_key, made.secret_key, made.publish_token, made.report_token}) == 4
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert made.secret_key not in repr(made)
    monkeypatch.setenv("PUBLISH_TOKEN", "given-by-the-operator")
    assert secrets.keep(folder).publish_token == "given-by-the-operator"


def test_one_home_has_one_up(tmp_path: Path) -> None:
    lock = home.HomeLock(tmp_path)
    with pytest.raises(AlreadyUp, match=f"process {os.getpid()}"):
        home.HomeLock(tmp_path)
    lock.release()
    home.HomeLock(tmp_path).release()


def test_a_process_id_that_was_given_to_another_program_is_not_taken_for_ours(tmp_path: Path) -> None:
    assert home.left_behind(tmp_path) == {}
    pids = stack.Pids(up=os.getppid(), store=2**22 + 1, model_server=1, predict_api=[[2**22 + 2]])
    stack.write(stack.Stack([], "", pids=pids), tmp_path)
    os.utime(stack.up_file(tmp_path), (1, 1))  # written long before any process of today began
    assert home.left_behind(tmp_path) == {}


def test_warnings_and_errors_of_a_log_are_printed_once_in_ten_seconds(tmp_path: Path) -> None:
    path = fresh_log(tmp_path, "model_server")
    tail = LogTail("model_server", path)
    lines = [
        {"event": "request", "level": "info"},
        {"event": "store.failed", "level": "error", "reason": "connection refused"},
        {"event": "store.failed", "level": "error", "reason": "connection refused"},
        {"event": "slow", "level": "warning"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "Traceback\n" + '{"event": "cut'
    path.write_text(text)
    assert tail.read(100.0) == [
        "model_server: error: store.failed reason=connection refused",
        "model_server: warning: slow",
    ]
    with path.open("a") as file:
        file.write(' off", "level": "error"}\n' + json.dumps(lines[1]) + "\n")
    assert tail.read(101.0) == ["model_server: error: cut off"]
    with path.open("a") as file:
        file.write(json.dumps(lines[1]) + "\n" + json.dumps(lines[3]) + "\n")
    assert tail.read(111.5, warnings=False) == ["model_server: error: store.failed reason=connection refused"]


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    fresh_log(tmp_path, "store").write_text("first")
    assert fresh_log(tmp_path, "store").read_text() == ""
    assert (tmp_path / "store.log.1").read_text() == "first"
