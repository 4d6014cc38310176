"""A Kubernetes cluster on this machine, by the scripts of deploy/kubernetes/test, and a release of the chart in it."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.tree import ROOT

SCRIPTS: Final = ROOT / "deploy" / "kubernetes" / "test"
CHART: Final = ROOT / "deploy" / "helm" / "changeover"
STORE_IMAGE: Final = "pgsty/silo:RELEASE.2026-08-06T00-00-00Z"
DIRECTORY: Final = Path("/var/lib/changeover-cluster")  # one cluster a machine; .ci/run ends one that was left
NAMESPACE: Final = "changeover"
RELEASE: Final = "changeover"
_RESTRICTED: Final = "pod-security.kubernetes.io/enforce=restricted"
_SLOW_S: Final = 900.0


def _path() -> str:
    """The PATH with the folder that build.sh puts its binaries into."""
    return os.pathsep.join([os.environ.get("PATH", ""), str(Path.home() / "go" / "bin"), "/usr/sbin", "/sbin"])


@functools.cache
def why_not() -> str | None:
    """Why the cluster cannot be tried on this machine; None if it can."""
    if os.environ.get("KUBERNETES") == "0":
        return "KUBERNETES=0"
    if shutil.which("helm", path=_path()) is None:
        return "there is no helm on the PATH"
    if shutil.which("docker") is None:
        return "there is no docker on the PATH, which builds the images"
    shown = subprocess.run(["docker", "image", "inspect", STORE_IMAGE], capture_output=True, check=False, timeout=60)
    if shown.returncode != 0:
        return f"image missing: docker pull {STORE_IMAGE}"
    script = [str(SCRIPTS / "why_not.sh")]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    return None if done.returncode == 0 else done.stdout.strip() or done.stderr.strip()


class Cluster:
    """Two nodes, so that the pods of a drained one have somewhere to go; nothing is left of it after `down`."""

    def __init__(self, directory: Path = DIRECTORY, nodes: int = 2) -> None:
        self.directory = directory
        kubeconfig = str(directory / "kubeconfig")
        # helm keeps its own files where they go with the cluster
        homes = {f"HELM_{kind}_HOME": str(directory / "helm") for kind in ("CACHE", "CONFIG", "DATA")}
        self._environment = os.environ | homes | {"PATH": _path(), "KUBECONFIG": kubeconfig, "NODES": str(nodes)}

    def run(self, *command: str, check: bool = True, seconds: float = _SLOW_S) -> subprocess.CompletedProcess[str]:
        """Run a command with KUBECONFIG; with `check`, a failure fails the test and shows the output."""
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=seconds, check=False
        )
        if check:
            output = done.stdout + done.stderr
            assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{output}"
        return done

    def up(self) -> None:
        """Start it, and give its nodes the images."""
        self.run(str(SCRIPTS / "up.sh"), str(self.directory))
        self.run(str(SCRIPTS / "load.sh"), str(self.directory), STORE_IMAGE, seconds=2 * _SLOW_S)

    def down(self) -> None:
        """End it and remove all of it."""
        self.run(str(SCRIPTS / "down.sh"), str(self.directory))

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """The output of kubectl in the namespace of the release."""
        return self.run("kubectl", "--namespace", NAMESPACE, *arguments, check=check).stdout.strip()

    def read(self, *arguments: str) -> Any:
        """What `kubectl get ARGUMENTS` describes."""
        return json.loads(self.kubectl("get", *arguments, "--output", "json"))

    def helm(self, *arguments: str) -> str:
        """The output of helm in the namespace of the release."""
        return self.run("helm", "--namespace", NAMESPACE, *arguments).stdout

    def prepare(self, secrets: dict[str, str]) -> None:
        """Make the namespace, in which only restricted pods may run, and the Secret of the release."""
        self.kubectl("create", "namespace", NAMESPACE)
        self.kubectl("label", "namespace", NAMESPACE, _RESTRICTED)
        literals = [f"--from-literal={name}={value}" for name, value in secrets.items()]
        self.kubectl("create", "secret", "generic", "changeover-test", *literals)

    def release(self, verb: str, *arguments: str) -> None:
        """`helm install` or `helm upgrade` with the values of the tests."""
        values = str(SCRIPTS / "values.yaml")
        self.helm(verb, RELEASE, str(CHART), "--values", values, "--timeout", "15m", *arguments)

    def rolled_out(self, *names: str) -> None:
        """Wait until every pod of these Deployments and StatefulSets, such as "deployment/x", is new and ready."""
        for name in names:
            self.kubectl("rollout", "status", name, "--timeout=15m")

    def pods(self, component: str) -> dict[str, str]:
        """The node of each pod of a component that is not on its way out, by the pod's name."""
        found = self.read("pods", "--selector", f"app.kubernetes.io/component={component}")["items"]
        living = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return {pod["metadata"]["name"]: pod["spec"].get("nodeName", "") for pod in living}

    def address(self, component: str) -> tuple[str, int]:
        """The address of the Service of a component, in the cluster's own network."""
        service = self.read("service", f"{RELEASE}-{component}")["spec"]
        return service["clusterIP"], service["ports"][0]["port"]

    def explain(self, components: Sequence[str] = ("predict-api", "model-server", "store")) -> str:
        """The pods, the last events and the last lines of the logs, for a test that failed."""
        shown = [self.kubectl("get", "pods", "--output", "wide", check=False)]
        shown += [self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False)[-6000:]]
        for component in components:
            selector = f"app.kubernetes.io/component={component}"
            logs = self.kubectl("logs", "--selector", selector, "--tail=25", "--prefix", check=False)
            shown.append(logs[-6000:])
        for log in sorted((self.directory / "log").glob("*.log")):
            shown.append(f"-- {log.name}\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
        return "\n".join(shown)
