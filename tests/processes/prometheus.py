"""A real Prometheus, as Debian's package `prometheus` installs it, with the configuration of `deploy/observe/`."""

import shutil
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.conftest import port_that_is_free
from tests.processes.service import ServiceProcess
from tests.tree import ROOT

OBSERVE = ROOT / "deploy" / "observe"
EVERY = "1s"  # between two scrapes, and between two evaluations of the rules


class Prometheus(ServiceProcess):
    """Prometheus, which scrapes the services at these addresses by the names of their jobs."""

    ready_path = "/-/ready"

    def __init__(self, folder: Path, targets: dict[str, str]) -> None:
        port = port_that_is_free()
        super().__init__(folder / "prometheus.log", {}, port)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        config = yaml.safe_load((OBSERVE / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY}
        config["rule_files"] = [str(OBSERVE / name) for name in config["rule_files"]]
        assert {job["job_name"] for job in config["scrape_configs"]} == targets.keys()
        for job in config["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job["static_configs"] = [{"targets": [targets[job["job_name"]].removeprefix("http://")]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def command(self) -> list[str]:
        """The command line."""
        return [
            "prometheus",
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives, as `{"metric": labels, "value": [time, text]}`."""
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=30).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        result = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return [{"metric": {}, "value": result}]
        return result  # type: ignore[no-any-return]


def is_installed() -> bool:
    """Whether there are the programs `prometheus` and `promtool`."""
    return all(shutil.which(program) for program in ("prometheus", "promtool"))
