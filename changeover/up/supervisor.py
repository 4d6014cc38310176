"""The supervisor of `changeover up`: starts the stack in order, restarts children, ends it in order.

One thread starts and watches all children, since a child ends with the thread that started it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from changeover import stack
from changeover.process import clock
from changeover.process.service_settings import Bucket
from changeover.process.settings import Settings
from changeover.process.termination import Signals
from changeover.up import home as homes
from changeover.up import ready
from changeover.up.child import Child, inherited_environment
from changeover.up.exceptions import AlreadyUp, CannotStart
from changeover.up.log_tail import LogTail, fresh_log
from changeover.up.own_tls import authorities_of, own_certificates
from changeover.up.plan import MODEL_SERVER, PREDICT_API, STORE, Ports, plan
from changeover.up.ports import choose, find_free, next_free
from changeover.up.required import check_required
from changeover.up.secrets import Secrets, keep
from changeover.up.workers import children_of, pids_of_instance, serving_pid

_TICK: Final = 0.2
_DESCRIBE_SECONDS: Final = 2.0  # between two looks at processes of which none seems to have changed
_DRAIN_SECONDS: Final = 15.0
_GIVE_UP_AFTER: Final = 3  # deaths of one service during the start of the stack
_READY_SECONDS: Final = 30.0  # seconds; then up.json is written even if a service is not ready
Say = Callable[[str], None]


class UpSettings(Settings):
    """The settings of the services that `up` itself needs."""

    bucket: Bucket = "models"


@dataclass(frozen=True)
class Options:
    """The options of `changeover up`; a port of 0 is a free one."""

    home: Path
    predict_port: int = 5000
    server_port: int = 5001
    store_port: int = 0
    workers: int = 2
    replicas: int = 1
    tls: bool = False  # with certificates of its own


def choose_ports(options: Options) -> Ports:
    """The ports of every process; raises PortBusy or NoFreePort before any process is started."""
    taken: set[int] = set()
    server = choose(options.server_port, "--server-port", taken)
    store = choose(options.store_port, "--store-port", taken) if options.store_port else 0
    predict = [choose(options.predict_port, "--predict-port", taken)]
    while len(predict) < options.replicas:
        predict.append(next_free(predict[-1], taken) if options.predict_port else find_free(taken))
        taken.add(predict[-1])
    return Ports(store=store or choose(0, "--store-port", taken), server=server, predict=tuple(predict))


class Supervisor:
    """The stack as a whole, from the first process to the last."""

    def __init__(self, options: Options, ports: Ports, secrets: Secrets, say: Say) -> None:
        self._home = options.home
        self._secrets = secrets
        self._say = say
        self._bucket = UpSettings.from_environment().bucket
        own = own_certificates(options.home / "tls") if options.tls else {}
        environment = {**inherited_environment(), **own}
        self._authorities = authorities_of(environment)
        parts = plan(options.home.resolve(), ports, options.workers, secrets, environment)
        logs = options.home / "log"
        self.children = [Child(part, fresh_log(logs, part.name)) for part in parts]
        self._tails = [LogTail(child.part.name, child.log) for child in self.children]
        self._written: stack.Stack | None = None
        self._ready_by: float | None = None
        self._described: list[
            tuple[int, str | None]
        ] = []  # the processes below those of the stack, when up.json was written
        self._describe_due = 0.0

    def run(self, signals: Signals) -> None:
        """Start and watch all processes, and end them on request. Raises CannotStart."""
        try:
            while not signals.end:
                self._tick()
                signals.wait(_TICK)
        finally:
            self.end()

    def _tick(self) -> None:
        now = clock.now()
        for child in self.children:
            code = child.tend(now)
            if code is not None:
                self._tell_of_death(child, code)
        for tail in self._tails:
            # during the start the services only warn that the others do not answer yet
            for line in tail.read(now, warnings=self._written is not None):
                self._say(line)
        if self._written is not None:
            self._describe_changes(now)
        elif self._everything_answers(now):
            self._describe()
            self._say_ready()

    def _tell_of_death(self, child: Child, code: int) -> None:
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        self._say(f"{child.part.name} ended {how}; it is started again")
        if self._written is None and child.failures >= _GIVE_UP_AFTER:
            raise CannotStart(
                f"{child.part.name} does not start; the end of its log ({child.log}):\n{child.last_lines()}"
            )

    def _everything_answers(self, now: float) -> bool:
        """Start the processes that are due; return whether the whole stack answers."""
        store, server, *predict = self.children
        for child in (store, *predict):
            if not child.started:
                child.start()
        if not server.started:
            if not ready.answers(store.part.url):
                return False
            server.start()
        if not all(self._is_ok(child, "livez") for child in (server, *predict)):
            return False
        self._ready_by = self._ready_by or now + _READY_SECONDS
        waiting = [child for child in (server, *predict) if not self._is_ok(child, "readyz")]
        if server not in waiting and not ready.has_current_version(
            server.part.url, self._secrets.publish_token, self._authorities
        ):
            waiting = []  # without a model predict_api is not ready, which is no error
        if waiting and now < self._ready_by:
            return False
        for child in waiting:
            reason = ready.explain(f"{child.part.url}/readyz", self._authorities)
            self._say(f"{child.part.name} is not ready: {reason or 'no answer'}")
        return True

    def _is_ok(self, child: Child, probe: str) -> bool:
        return ready.is_ok(f"{child.part.url}/{probe}", self._authorities)

    def _describe_changes(self, now: float) -> None:
        below = [(child.pid, children_of(child.pid)) for child in self.children]
        unknown = any(children is None for _, children in below)
        if unknown or below != self._described or now >= self._describe_due:
            self._described, self._describe_due = below, now + _DESCRIBE_SECONDS
            self._describe()

    def _describe(self) -> None:
        """Write `up.json` if its content has changed."""
        store, server, *predict = self.children
        now = stack.Stack(
            predict_urls=[child.part.url for child in predict],
            server_url=server.part.url,
            store_url=store.part.url,
            bucket=self._bucket,
            token=self._secrets.publish_token,
            access_key=self._secrets.access_key,
            secret_key=self._secrets.secret_key,
            tls_ca=self._authorities,
            pids=stack.Pids(
                up=os.getpid(),
                store=store.pid,
                model_server=serving_pid(server.pid),
                predict_api=[pids_of_instance(child.pid) for child in predict],
            ),
        )
        if now != self._written:
            stack.write(now, self._home)
            self._written = now

    def _say_ready(self) -> None:
        _, server, *predict = self.children
        self._say(f"predict_api answers at {', '.join(child.part.url for child in predict)}")
        self._say(f"model_server answers at {server.part.url}")
        link = ready.login_link(server.part.url, self._secrets.publish_token, self._authorities)
        self._say(f"its console, by a link that logs in once: {link}")
        self._say(f"ready; Ctrl-C ends it. The CLI finds this stack by {stack.up_file(self._home)}")

    def end(self) -> None:
        """Drain and end predict_api, then model_server, then the store; kill the rest after 15 s."""
        stack.up_file(self._home).unlink(missing_ok=True)
        deadline = clock.now() + _DRAIN_SECONDS
        for service, kept_back in ((PREDICT_API, 4.0), (MODEL_SERVER, 2.0), (STORE, 0.0)):
            members = [child for child in self.children if child.part.service == service]
            for child in members:
                child.ask_to_end()
            for child in members:
                if not child.end(deadline - kept_back):
                    self._say(f"{child.part.name} did not end in time and was killed")


def up(options: Options, say: Say) -> None:
    """Run a stack in the foreground until a signal ends it. Raises the errors of its start."""
    check_required()
    with Signals() as signals:
        lock = homes.HomeLock(options.home)
        try:
            _wait_for_left_behind(options.home, say, signals)
            stack.up_file(options.home).unlink(missing_ok=True)
            ports = choose_ports(options)
            say(f"starting; logs are in {options.home / 'log'}, models and secrets in {options.home}")
            Supervisor(options, ports, keep(options.home / "secrets"), say).run(signals)
            say("ended")
        finally:
            lock.release()


def _wait_for_left_behind(home: Path, say: Say, signals: Signals) -> None:
    """Wait for processes of an earlier `up` to end; raises AlreadyUp if they do not."""
    deadline = clock.now() + _DRAIN_SECONDS
    announced = False
    while (left := homes.left_behind(home)) and not signals.end:
        shown = ", ".join(f"{name} ({pid})" for name, pid in left.items())
        if clock.now() >= deadline:
            raise AlreadyUp(f"processes of an earlier run still hold {home}: {shown}; end them, then start again")
        if not announced:
            say(f"waiting for processes of an earlier run to end: {shown}")
            announced = True
        signals.wait(_TICK)
