"""The settings of model_server. `changeover/process/settings.py` reads them."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from changeover.manifest.gate import Condition
from changeover.manifest.gate import parse as parse_gate
from changeover.process.service_settings import PublishToken, ReportToken, ServiceSettings, TokensFile
from changeover.process.settings import accepted_by
from changeover.protocol.allowed_hosts import AllowedHosts
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken, check_caller_name, digest_of
from changeover.protocol.wire import LONGEST_REHEARSAL_S
from model_server.access.proxy_roles import roles_in
from model_server.access.tokens import SHARED_NAME, Tokens
from model_server.ledger.takeover import LONGEST_LEASE_MS
from model_server.webhooks.addresses import Address, addresses_in
from model_server.webhooks.bodies import Format
from model_server.webhooks.signature import keys_in

GIB = 1024**3
_SHORTEST_TOKEN = 16  # characters


def _check_uri(uri: str) -> None:
    if urlsplit(uri).scheme not in {"s3", "http", "https", "file"}:
        raise ValueError(f"{uri!r} is not s3://bucket/key, http(s)://host/path or file:///path")


def _check_http(uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{uri!r} is not http(s)://host[:port]")


class ServerSettings(ServiceSettings):
    """The settings of the listener, of access, of admission and of rollouts."""

    server_host: str = Field(default="127.0.0.1", description="the address model_server binds")
    server_port: int = Field(default=5001, ge=1, le=65535, description="the port model_server binds")
    server_threads: int = Field(
        default=48, ge=4, le=512, description="the most requests that model_server processes at the same time"
    )
    publish_token: PublishToken = SecretStr("")
    publish_token_name: Annotated[str, accepted_by(lambda name: name and check_caller_name(name))] = Field(
        default="",
        description="the name of PUBLISH_TOKEN in the ledger; empty: `publish-token`, and with TOKENS_FILE it is refused",
    )
    tokens_file: TokensFile = None
    report_token: ReportToken = Field(min_length=_SHORTEST_TOKEN)
    registry_key_file: Path | None = Field(
        default=None,
        description="a file of the private key that seals manifests and ledger entries, made at the first start; empty: "
        "model_server seals nothing (docs/sealed.md)",
    )
    proxy_roles: Annotated[str, accepted_by(roles_in)] = Field(
        default="",
        description="the roles of people that a proxy of TRUSTED_PROXIES has logged in, such as "
        "`ann@example.org=roll, @example.org=read, *=read`; empty: none",
    )
    replica_networks: str = Field(
        default="",
        description="networks of replicas, from which no call may publish or roll: CIDRs, or names of this server there",
    )
    allow_anonymous_reads: bool = Field(
        default=False,
        description="permits reads of lists, manifests and artifacts without a token, for older replicas",
    )
    model_uri: Annotated[str, accepted_by(_check_uri)] | None = Field(
        default=None,
        description="the source of the pinned bytes (s3://bucket/key, http(s)://, file://) until they are published",
    )
    predict_url: Annotated[str, accepted_by(_check_http)] | None = Field(
        default=None,
        description="the address of predict_api, for the form by which the console tries a version out; none: no form",
    )
    roll_incoming: Literal["at-start", "at-once", "never"] = Field(
        default="at-start", description="when model_server rolls an upload to incoming/"
    )
    lease_ms: int = Field(
        default=1000,
        ge=0,
        le=LONGEST_LEASE_MS,
        description="milliseconds that a replica may answer without a freshness check; 0: every request needs one",
    )
    incoming_poll: float = Field(default=2.0, gt=0, le=3600, description="seconds between two listings of incoming/")
    gate: Annotated[str, accepted_by(parse_gate)] = Field(
        default="",
        description="metrics that a roll requires: `f1_macro>=current`, `accuracy>=0.9`, and in a rehearsal "
        "`disagreement<=0.02`; comma separated",
    )
    rehearse: float = Field(
        default=0.0,
        ge=0,
        le=LONGEST_REHEARSAL_S,
        description="seconds for which each new version is rehearsed on live requests, unless the roll says otherwise",
    )
    allow_schema_change: bool = Field(
        default=False, description="permits rolls (raw uploads too) to a version that refuses requests valid before"
    )
    webhook_urls: SecretStr = Field(
        default=SecretStr(""),
        description="the addresses that get events (docs/events.md), separated by spaces; empty: none",
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="the secret that signs events, `whsec_` and base64; two of them, separated by a space, to change it",
    )
    webhook_format: Format = Field(
        default="json", description="the body of an event: json, or a message as Slack's incoming webhooks take it"
    )
    prepare_timeout: float = Field(
        default=60.0, gt=0, le=3600, description="seconds that a rollout waits for its replicas"
    )
    max_model_bytes: int = Field(default=2 * GIB, gt=0, le=5 * GIB, description="the largest artifact, in bytes")
    spool_dir: str | None = Field(
        default=None, description="the directory for uploads during admission; none: a new temporary directory"
    )

    @model_validator(mode="after")
    def _has_a_pin_for_its_uri(self) -> Self:
        if self.model_uri and not self.model_sha256:
            raise ValueError(
                "MODEL_URI is set without MODEL_SHA256: name the bytes that are expected there (`sha256sum`)"
            )
        return self

    @field_validator("webhook_urls")
    @classmethod
    def _has_addresses(cls, urls: SecretStr) -> SecretStr:
        addresses_in(urls.get_secret_value())
        return urls

    @field_validator("webhook_secret")
    @classmethod
    def _has_keys(cls, secret: SecretStr) -> SecretStr:
        keys_in(secret.get_secret_value())
        return secret

    @model_validator(mode="after")
    def _signs_its_events(self) -> Self:
        if self.webhook_urls.get_secret_value() and self.webhook_format == "json" and not self.webhook_keys:
            raise ValueError(
                "WEBHOOK_URLS is set without WEBHOOK_SECRET, by which receivers know that an event is not forged: set it, "
                "or WEBHOOK_SECRET_FILE to a file that holds it (docs/events.md)"
            )
        return self

    @field_validator("publish_token")
    @classmethod
    def _is_long_enough(cls, token: SecretStr) -> SecretStr:
        if 0 < len(token.get_secret_value()) < _SHORTEST_TOKEN:
            raise ValueError(f"a token has at least {_SHORTEST_TOKEN} characters")
        return token

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        if not self.publish_token.get_secret_value() and self.tokens_file is None:
            raise ValueError(
                "PUBLISH_TOKEN is not set: set it, or PUBLISH_TOKEN_FILE to a file that holds it, or TOKENS_FILE to a file "
                "of named tokens"
            )
        return self

    def tokens(self) -> Tokens:
        """The tokens of `TOKENS_FILE`, which is read, and of `PUBLISH_TOKEN`."""
        text = self.publish_token.get_secret_value()
        name = self.publish_token_name or ("" if self.tokens_file else SHARED_NAME)
        if not text or not name:
            return Tokens(self.tokens_file, None, digest_of(text) if text else "")
        return Tokens(self.tokens_file, NamedToken.of(name, Role.ADMIN, text))

    @property
    def floors_folder(self) -> Path | None:
        """The folder of the floors of the ledgers, beside the uploads; None without `SPOOL_DIR`, which lasts."""
        return Path(self.spool_dir) if self.spool_dir else None

    @property
    def webhook_addresses(self) -> tuple[Address, ...]:
        """The addresses of `WEBHOOK_URLS`."""
        return addresses_in(self.webhook_urls.get_secret_value())

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """The keys of `WEBHOOK_SECRET`."""
        return keys_in(self.webhook_secret.get_secret_value())

    @property
    def session_key_file(self) -> Path | None:
        """The file of the key of sessions, beside the uploads; None without `SPOOL_DIR`, which lasts."""
        return Path(self.spool_dir) / "session_key" if self.spool_dir else None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The parsed conditions of `GATE`."""
        return parse_gate(self.gate)

    @property
    def hosts(self) -> AllowedHosts:
        """The host names of `ALLOWED_HOSTS` and `SERVER_HOST`."""
        return AllowedHosts(self.allowed_hosts, self.server_host)
