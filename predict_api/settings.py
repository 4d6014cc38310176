"""The settings of predict_api. `changeover/process/settings.py` reads them."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from changeover.artifact import extra_globals
from changeover.names import check_model_name
from changeover.process.settings import Settings
from changeover.protocol.allowed_hosts import HOSTS, LOOPBACK, AllowedHosts


class PredictSettings(Settings):
    """The settings of predict_api, one environment variable each."""

    predict_host: str = Field("127.0.0.1", description="The address that predict_api listens on")
    predict_port: int = Field(5000, ge=1, le=65535, description="The port that predict_api listens on")
    allowed_hosts: str = Field("", description=HOSTS)
    workers: int = Field(2, ge=1, le=256, description="Worker processes of predict_api; each is a replica of its own")
    threads: int = Field(
        4,
        ge=1,
        le=256,
        description="The most requests that a worker processes at the same time, beside half as many large ones",
    )
    model_server_url: str = Field("http://127.0.0.1:5001", description="The address of model_server")
    report_token: SecretStr = Field(
        SecretStr(""), description="The bearer token with which replicas report their state and read versions"
    )
    default_model: str = Field("default", description="The model that answers at /predict")
    models: str = Field(
        "", description="The models to prepare, separated by commas; empty: every model that has a current version"
    )
    check_deadline_ms: int = Field(
        250, ge=10, le=60_000, description="The most milliseconds that a request waits for a freshness check"
    )
    cache_dir: Path | None = Field(
        None, description="The directory in which predict_api keeps verified artifacts for a restart; empty: no cache"
    )
    start_timeout: float = Field(
        60.0, ge=0, description="The most seconds that a new worker waits for its models before it accepts connections"
    )
    drain_seconds: float = Field(
        0.5, ge=0, le=60, description="Seconds between SIGTERM, when /readyz becomes 503, and the end of the listener"
    )
    idle_seconds: float = Field(
        75.0, ge=1, le=3600, description="Seconds that a connection has for a complete request head before it is closed"
    )
    max_body_bytes: int = Field(8 * 1024 * 1024, ge=1, description="The largest request body, in bytes")
    max_rows: int = Field(10_000, ge=1, description="The most rows that one request may have")
    allowed_globals: str = Field(
        "", description="Additional globals that artifacts may name (dotted, comma separated); set it for both services"
    )
    allow_version_skew: bool = Field(
        False, description="Permits artifacts of another scikit-learn minor version; set it for both services"
    )
    runtime: Literal["onnx", "sklearn"] = Field(
        "onnx", description="onnx: export ONNX twins, and score with them where there are any; sklearn: use no twins"
    )
    share_bytes: int = Field(
        64 * 1024 * 1024,
        ge=0,
        description="The artifact size, in bytes, from which all workers share one copy in memory",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The lowest level of the events that are logged"
    )

    @field_validator("model_server_url")
    @classmethod
    def _an_http_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{value!r} is not an address like http://model_server:5001")
        return value.rstrip("/")

    @field_validator("allowed_hosts")
    @classmethod
    def _host_names(cls, value: str) -> str:
        AllowedHosts(value, LOOPBACK)
        return value

    @field_validator("default_model")
    @classmethod
    def _a_model_name(cls, value: str) -> str:
        return _checked(value)

    @field_validator("models")
    @classmethod
    def _model_names(cls, value: str) -> str:
        for name in _listed(value):
            _checked(name)
        return value

    @field_validator("allowed_globals")
    @classmethod
    def _dotted_names(cls, value: str) -> str:
        extra_globals.names_in(value)
        return value

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models of `MODELS`; empty for every model that has a current version."""
        return _listed(self.models)

    @property
    def hosts(self) -> AllowedHosts:
        """The host names of `ALLOWED_HOSTS` and `PREDICT_HOST`."""
        return AllowedHosts(self.allowed_hosts, self.predict_host)

    @property
    def extra_globals(self) -> tuple[str, ...]:
        """The globals of `ALLOWED_GLOBALS`."""
        return extra_globals.names_in(self.allowed_globals)

    @property
    def check_deadline(self) -> Annotated[float, "seconds"]:
        """CHECK_DEADLINE_MS in seconds."""
        return self.check_deadline_ms / 1000


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _checked(name: str) -> str:
    from changeover.exceptions import InvalidName

    try:
        return check_model_name(name)
    except InvalidName as error:
        raise ValueError(str(error)) from error
