"""A stack of docker-compose.yml in a project with its own ports; the project and its volumes are removed afterwards."""

import functools
import json
import os
import random
import secrets
import shutil
import subprocess
from pathlib import Path

from changeover.stack import Stack
from changeover.up.ports import is_free
from tests.tree import ROOT

BASE_IMAGES = ("python:3.13-slim-trixie", "pgsty/silo:RELEASE.2026-08-06T00-00-00Z", "haproxy:3.0")
PORTS = ("PREDICT_PORT", "SERVER_PORT", "STORE_PORT", "CONSOLE_PORT")
# Below the ports that other tests draw: they start services while the images are built.
UNUSED = range(6000, 10000)


@functools.cache
def why_not() -> str | None:
    """Why the stack cannot be tried on this machine; None if it can."""
    if os.environ.get("CHANGEOVER_TEST_DOCKER") == "0":
        return "CHANGEOVER_TEST_DOCKER=0"
    if shutil.which("docker") is None:
        return "there is no docker on the PATH"
    for command, reason in (
        (["docker", "info"], "the Docker engine does not answer"),
        (["docker", "compose", "version"], "Docker has no Compose v2"),
        *((["docker", "image", "inspect", image], f"image missing: docker pull {image}") for image in BASE_IMAGES),
    ):
        if subprocess.run(command, capture_output=True, check=False, timeout=60).returncode != 0:
            return reason
    return None


class ComposeStack:
    """A project of docker compose; nothing of it is shared with another one but the base images."""

    def __init__(self, folder: Path, tree: Path = ROOT, **settings: str) -> None:
        """Of `docker-compose.yml` in `tree`; `folder` gets the credentials."""
        self.project = f"changeover-test-{secrets.token_hex(4)}"
        drawn = random.SystemRandom().sample(UNUSED, len(UNUSED))
        self.ports = dict(zip(PORTS, filter(is_free, drawn), strict=False))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
        self.environment = inherited | {name: str(port) for name, port in self.ports.items()} | settings
        self.environment["COMPOSE_PROJECT_NAME"] = self.project
        self.home, self._tree = folder, tree

    def compose(self, *arguments: str, seconds: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker compose ARGUMENTS` here; with `check`, a failure fails the test and shows the output."""
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self._tree,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check:
            output = done.stdout + done.stderr
            assert done.returncode == 0, f"docker compose {' '.join(arguments)} ended with {done.returncode}:\n{output}"
        return done

    def up(self, *arguments: str) -> None:
        """Build and start it, and wait until it is healthy."""
        done = self.compose("up", "--build", "--wait", *arguments, seconds=900, check=False)
        if done.returncode != 0:
            logs = self.compose("logs", "--no-color", "--tail", "40", check=False).stdout
            raise AssertionError(f"docker compose up ended with {done.returncode}:\n{done.stderr}\n{logs}")

    def credentials(self) -> Stack:
        """The output of `changeover credentials`, written to `up.json` as the README tells a user to do."""
        printed = self.compose("exec", "-T", "model_server", "changeover", "credentials").stdout
        (self.home / "up.json").write_text(printed, encoding="utf-8")
        return Stack.from_json(json.loads(printed))

    def containers(self, service: str) -> list[str]:
        """The ids of the containers of `service`, ended ones included."""
        return self.compose("ps", "--all", "--quiet", service).stdout.split()

    def inspect(self, service: str) -> dict[str, object]:
        """The description of the first container of `service` by the engine."""
        described = subprocess.run(
            ["docker", "inspect", self.containers(service)[0]], capture_output=True, text=True, timeout=60, check=True
        )
        container = json.loads(described.stdout)[0]
        assert isinstance(container, dict)
        return container

    def address(self, service: str, network: str, whose: str = "IPAddress") -> str:
        """The address of a service's first container in `network`, or with "Gateway" that of the host there."""
        settings = self.inspect(service)["NetworkSettings"]
        assert isinstance(settings, dict)
        return str(settings["Networks"][f"{self.project}_{network}"][whose])

    def python_in(self, service: str, code: str, *arguments: str) -> str:
        """Run `code` in a container of `service`, and return its output."""
        return self.compose("exec", "-T", service, "python", "-c", code, *arguments).stdout.strip()

    def forget(self) -> None:
        """Remove containers, networks, volumes and the images built for this project."""
        self.compose("down", "--volumes", "--rmi", "local", "--remove-orphans", check=False, seconds=180)
