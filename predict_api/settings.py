"""The settings of predict_api. `changeover/process/settings.py` reads them."""

import re
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from changeover.names import check_model_name
from changeover.process.service_settings import ReportToken, ServiceSettings
from changeover.process.settings import accepted_by
from changeover.protocol.allowed_hosts import AllowedHosts
from predict_api.dialects.names import NAMES, names_in
from predict_api.edge.callers import read_key_file
from predict_api.edge.origins import origins_in
from predict_api.edge.path_prefix import prefix_in
from predict_api.exceptions import InvalidKeys

_ROUTE: Final = re.compile(r"(/[A-Za-z0-9._~:@-]+)+/?")


def _model_names(listed: str) -> tuple[str, ...]:
    return tuple(check_model_name(name.strip()) for name in listed.split(",") if name.strip())


def check_route(path: str) -> None:
    """Raise ValueError unless `path` is empty or a path that a route may have."""
    if path and not _ROUTE.fullmatch(path):
        raise ValueError(f"{path!r} is no path like /v1/endpoints/1:predict")


class PredictSettings(ServiceSettings):
    """The settings of predict_api, one environment variable each."""

    predict_host: str = Field("127.0.0.1", description="the address that predict_api listens on")
    predict_port: int = Field(5000, ge=1, le=65535, description="the port that predict_api listens on")
    workers: int = Field(2, ge=1, le=256, description="worker processes of predict_api; each is a replica of its own")
    threads: int = Field(
        4,
        ge=1,
        le=256,
        description="the most requests that a worker processes at the same time, beside a quarter as many of medium size and as many large ones",
    )
    model_server_url: str = Field("http://127.0.0.1:5001", description="the address of model_server")
    report_token: ReportToken = SecretStr("")
    models: Annotated[str, accepted_by(_model_names)] = Field(
        "", description="the models to prepare, separated by commas; empty: every model that has a current version"
    )
    model_file: Path | None = Field(
        None,
        description="the one artifact to serve, without model_server: a file, or the folder that has it; MODEL_SHA256 is "
        "then required",
    )
    predict_route: Annotated[str, accepted_by(check_route)] = Field(
        "", description="another path of POST requests in the form of Vertex AI; AIP_PREDICT_ROUTE there"
    )
    health_route: Annotated[str, accepted_by(check_route)] = Field(
        "", description="another path of the readiness probe; AIP_HEALTH_ROUTE on Vertex AI"
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
        75.0, ge=1, le=3600, description="seconds that a connection may be idle before it is closed"
    )
    queue_seconds: float = Field(
        1.0,
        gt=0,
        le=3600,
        description="the most seconds that a request waits for its turn; what would wait longer gets 503 immediately",
    )
    body_seconds: float = Field(
        10.0, gt=0, le=3600, description="seconds in which head and body of a request must have come"
    )
    dialects: Annotated[str, accepted_by(names_in)] = Field(
        "all",
        description="the protocols of other servers' clients that predict_api answers, beside `/predict`: `all`, "
        f"`none`, or some of {', '.join(f'`{name}`' for name in NAMES)}, separated by commas",
    )
    max_body_bytes: int = Field(8 * 1024 * 1024, ge=1, description="the largest request body, in bytes")
    gzip_bodies: bool = Field(
        False, description="whether request bodies may be compressed by gzip; MAX_BODY_BYTES holds unpacked, too"
    )
    max_rows: int = Field(10_000, ge=1, description="the most rows that one request may have")
    keys_file: Path | None = Field(
        None,
        description="a JSON file of API keys, their rates and their models; predictions need one of them then "
        "(docs/callers.md). Empty: no key is needed",
    )
    cors_origins: Annotated[str, accepted_by(origins_in)] = Field(
        "",
        description="origins of web pages that may send requests from a browser, like https://app.example.org, separated "
        "by commas, or `*`; empty: none",
    )
    root_path: Annotated[str, accepted_by(prefix_in)] = Field(
        "",
        description="the path prefix under which a proxy publishes predict_api, like /ml; OpenAPI and /apidocs show it",
    )
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
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{value!r} is not an address like http://model_server:5001 or https://model_server:5001")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _has_a_pin_for_its_file(self) -> Self:
        if self.model_file is not None and not self.model_sha256:
            raise ValueError(
                "MODEL_FILE is set without MODEL_SHA256: name the bytes that are expected there (`sha256sum`)"
            )
        return self

    @field_validator("keys_file")
    @classmethod
    def _has_valid_keys(cls, path: Path | None) -> Path | None:
        try:
            if path is not None:
                read_key_file(path)
        except InvalidKeys as error:
            raise ValueError(str(error)) from None
        return path

    @property
    def prefix(self) -> str:
        """`ROOT_PATH` without a slash at its end."""
        return prefix_in(self.root_path)

    @property
    def origins(self) -> frozenset[str]:
        """The origins of `CORS_ORIGINS`."""
        return origins_in(self.cors_origins)

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models of `MODELS`; empty for every model that has a current version."""
        return _model_names(self.models)

    @property
    def dialect_names(self) -> tuple[str, ...]:
        """The dialects of `DIALECTS`."""
        return names_in(self.dialects)

    @property
    def hosts(self) -> AllowedHosts:
        """The host names of `ALLOWED_HOSTS` and `PREDICT_HOST`."""
        return AllowedHosts(self.allowed_hosts, self.predict_host)

    @property
    def check_deadline(self) -> float:
        """`CHECK_DEADLINE_MS` in seconds."""
        return self.check_deadline_ms / 1000
