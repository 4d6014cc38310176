"""The image of predict_api as SageMaker starts it: `docker run IMAGE serve`, with the artifact in /opt/ml/model. S1."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from changeover.digest import sha256
from tests.conftest import wait_until
from tests.processes.compose import why_not
from tests.tiny_models import ROW, tiny
from tests.tree import ROOT

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")


def docker(*arguments: str) -> str:
    """The output of `docker ARGUMENTS`; a failure fails the test."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    name = f"changeover-test-{secrets.token_hex(4)}"
    docker("build", "--target", "predict_api", "--file", str(ROOT / "deploy" / "Dockerfile"), "--tag", name, str(ROOT))
    yield name
    docker("rmi", "--force", name)


@pytest.mark.parametrize("user", ["0:0", "10002:10002"], ids=["root", "its own user"])
def test_the_image_serves_the_mounted_artifact_on_port_8080(image: str, tmp_path: Path, user: str) -> None:
    artifact = tmp_path / "model.joblib"
    artifact.write_bytes(tiny(7)[0])
    tmp_path.chmod(0o755)
    setting = f"MODEL_SHA256={sha256(artifact.read_bytes())}"
    arguments = ["--detach", "--user", user, "--publish", "127.0.0.1::8080", "--env", setting]
    container = docker("run", *arguments, "--volume", f"{tmp_path}:/opt/ml/model:ro,z", image, "serve")
    try:
        url = f"http://{docker('port', container, '8080').splitlines()[0]}"

        def is_ready() -> bool:
            assert docker("inspect", "--format", "{{.State.Running}}", container) == "true", docker("logs", container)
            try:
                return requests.get(f"{url}/ping", timeout=5).status_code == 200
            except requests.RequestException:
                return False

        wait_until(is_ready, 60, "the answer to a ping")
        answer = requests.post(f"{url}/invocations", json={"instances": [ROW]}, timeout=30)
        assert answer.json()["predictions"] == [7]
        docker("stop", "--time", "30", container)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
    finally:
        docker("rm", "--force", container)
