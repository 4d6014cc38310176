"""The settings that several processes read, each declared once, and the base of the settings of both services.

`changeover/process/settings.py` reads them.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from changeover.artifact import extra_globals
from changeover.names import check_model_name, parse_pinned_version
from changeover.process.settings import Settings, accepted_by
from changeover.protocol.allowed_hosts import LOOPBACK, AllowedHosts
from changeover.schema.schema import MOST_COLUMNS

Bucket = Annotated[str, Field(description="the bucket of all models")]
PublishToken = Annotated[SecretStr, Field(description="the bearer token for publishing and rolling")]
ReportToken = Annotated[
    SecretStr, Field(description="the bearer token with which replicas report their state and read versions")
]
EnvironmentsDir = Annotated[
    Path | None,
    Field(description="the folder of the environments that `changeover environment add` made; both services need it"),
]
TokensFile = Annotated[
    Path | None,
    Field(
        description="a file of named tokens, lines of `name:role:sha256`, that replace PUBLISH_TOKEN; `changeover token` "
        "writes it (docs/access.md)"
    ),
]
Authorities = Annotated[
    Path | None,
    Field(
        description="a PEM file of the authorities that calls to the other service trust; empty: those of the system. "
        "TLS_CERT is presented to a service that asks for a certificate"
    ),
]
ModelName = Annotated[str, accepted_by(check_model_name)]


class ServiceSettings(Settings):
    """The settings that model_server and predict_api share: both should get the same values."""

    allowed_hosts: Annotated[str, accepted_by(lambda listed: AllowedHosts(listed, LOOPBACK))] = Field(
        default="",
        description="host names that requests may use beside loopback ones and the bound address: names, `.domain`, "
        "addresses, networks, `*`",
    )
    trusted_proxies: str = Field(
        default="",
        description="networks of proxies whose headers count: X-Forwarded-Prefix at predict_api (as ROOT_PATH), at "
        "model_server X-Forwarded-User and -Email (by PROXY_ROLES); CIDRs, or names of this server there",
    )
    default_model: ModelName = Field(default="default", description="the model served at /predict")
    allowed_globals: Annotated[str, accepted_by(extra_globals.names_in)] = Field(
        default="",
        description="additional globals that artifacts may name (dotted, comma separated); set it for both services",
    )
    environments_dir: EnvironmentsDir = None
    require_confinement: bool = Field(
        default=False, description="refuses to run models where a measure of confinement is missing"
    )
    runtime: Literal["onnx", "sklearn"] = Field(
        default="onnx",
        description="onnx: export ONNX twins, and score with them where there are any; sklearn: use no twins",
    )
    model_sha256: Annotated[str, accepted_by(parse_pinned_version)] | None = Field(
        default=None, description="pins the default model to this version"
    )
    max_columns: int = Field(
        default=10_000, ge=1, le=MOST_COLUMNS, description="the most columns that the schema of a version may have"
    )
    admission_timeout: float = Field(
        default=120.0, gt=0, description="the most seconds that admission of one artifact may take"
    )
    admission_memory_bytes: int = Field(
        default=8 * 1024**3, gt=0, description="the address space, in bytes, of the process that examines an artifact"
    )
    tls_cert: Path | None = Field(
        default=None,
        description="a PEM file of the service's certificate, followed by those of authorities between it and the root; "
        "the service then speaks HTTPS alone (docs/tls.md). Read again after a change",
    )
    tls_key: Path | None = Field(default=None, description="a PEM file of the key of TLS_CERT, not encrypted")
    tls_client_ca: Path | None = Field(
        default=None,
        description="a PEM file of authorities: each caller then has to present a certificate of one of them (mutual TLS)",
    )
    tls_ca: Authorities = None
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the lowest level of the events that are logged"
    )

    @model_validator(mode="after")
    def _has_a_certificate_with_its_key(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            given, missing = ("TLS_KEY", "TLS_CERT") if self.tls_cert is None else ("TLS_CERT", "TLS_KEY")
            raise ValueError(f"{given} is set without {missing}: name both files, or neither")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("TLS_CLIENT_CA is set without TLS_CERT: a service without TLS asks for no certificate")
        return self

    @property
    def extra_globals(self) -> tuple[str, ...]:
        """The globals of `ALLOWED_GLOBALS`."""
        return extra_globals.names_in(self.allowed_globals)

    @property
    def pinned_version(self) -> str | None:
        """The version that `MODEL_SHA256` names."""
        return parse_pinned_version(self.model_sha256) if self.model_sha256 else None
