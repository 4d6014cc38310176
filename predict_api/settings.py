"""The settings of predict_api. `changeover/process/settings.py` reads them."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from changeover.names import check_model_name
from changeover.process.service_settings import ReportToken, ServiceSettings
from changeover.process.settings import accepted_by
from changeover.protocol.allowed_hosts import AllowedHosts


def _model_names(listed: str) -> tuple[str, ...]:
    return tuple(check_model_name(name.strip()) for name in listed.split(",") if name.strip())


class PredictSettings(ServiceSettings):
    """The settings of predict_api, one environment variable each."""

    predict_host: str = Field("127.0.0.1", description="the address that predict_api listens on")
    predict_port: int = Field(5000, ge=1, le=65535, description="the port that predict_api listens on")
    workers: int = Field(2, ge=1, le=256, description="worker processes of predict_api; each is a replica of its own")
    threads: int = Field(
        4,
        ge=1,
        le=256,
        description="the most requests that a worker processes at the same time, beside half as many large ones",
    )
    model_server_url: str = Field("http://127.0.0.1:5001", description="the address of model_server")
    report_token: ReportToken = SecretStr("")
    models: Annotated[str, accepted_by(_model_names)] = Field(
        "", description="the models to prepare, separated by commas; empty: every model that has a current version"
    )
    check_deadline_ms: int = Field(
        250, ge=10, le=60_000, description="the most milliseconds that a request waits for a freshness check"
    )
    cache_dir: Path | None = Field(
        None, description="the directory in which predict_api keeps verified artifacts for a restart; empty: no cache"
    )
    start_timeout: float = Field(
        60.0, ge=0, description="the most seconds that a new worker waits for its models before it accepts connections"
    )
    drain_seconds: float = Field(
        0.5, ge=0, le=60, description="seconds between SIGTERM, when /readyz becomes 503, and the end of the listener"
    )
    idle_seconds: float = Field(
        75.0, ge=1, le=3600, description="seconds that a connection has for a complete request head before it is closed"
    )
    queue_seconds: float = Field(
        1.0,
        gt=0,
        le=3600,
        description="the most seconds that a request waits for its turn; what would wait longer gets 503 at once",
    )
    body_seconds: float = Field(
        10.0, gt=0, le=3600, description="seconds in which the body of a request must have come after its head"
    )
    max_body_bytes: int = Field(8 * 1024 * 1024, ge=1, description="the largest request body, in bytes")
    max_rows: int = Field(10_000, ge=1, description="the most rows that one request may have")
    score_timeout: float = Field(
        10.0, ge=0.1, le=3600, description="the most seconds that a model may take for a request before it is ended"
    )
    runner_memory_bytes: int = Field(
        4 * 1024**3, ge=256 * 1024**2, description="the largest address space of a process that runs a model, in bytes"
    )
    runner_threads: int = Field(
        1, ge=1, le=256, description="threads of the numerical libraries in a process that runs a model"
    )

    @field_validator("model_server_url")
    @classmethod
    def _is_an_http_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{value!r} is not an address like http://model_server:5001")
        return value.rstrip("/")

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models of `MODELS`; empty for every model that has a current version."""
        return _model_names(self.models)

    @property
    def hosts(self) -> AllowedHosts:
        """The host names of `ALLOWED_HOSTS` and `PREDICT_HOST`."""
        return AllowedHosts(self.allowed_hosts, self.predict_host)

    @property
    def check_deadline(self) -> float:
        """`CHECK_DEADLINE_MS` in seconds."""
        return self.check_deadline_ms / 1000
