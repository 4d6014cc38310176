"""The settings of the store's client: AWS names, and a few of our own.

`changeover.process.settings` reads them.
"""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from changeover.process.service_settings import Bucket
from changeover.process.settings import Settings
from changeover.tls.calls import context_of
from changeover.tls.files import Files


class KeySettings(Settings):
    """The keys of the store."""

    aws_access_key_id: str = Field(description="the access key")
    aws_secret_access_key: SecretStr = Field(description="the secret key")


class StoreSettings(KeySettings):
    """The address, the credentials and the timeout of the store."""

    aws_endpoint_url_s3: str = Field(description="the store's address, such as http://127.0.0.1:9000")
    aws_region: str = Field(default="us-east-1", description="the store's region")
    bucket: Bucket = Field(default="models", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    create_bucket: bool = Field(default=False, description="create the bucket if it is missing")
    aws_ca_bundle: Path | None = Field(
        default=None,
        description="a PEM file of the authorities that the store's certificate is checked by; empty: public ones",
    )
    store_timeout: float = Field(
        default=10.0, gt=0, le=600, description="seconds for one call of the store, including retries"
    )

    @field_validator("aws_endpoint_url_s3")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        address = urlsplit(value)
        if address.scheme not in {"http", "https"} or not address.hostname or address.path not in {"", "/"}:
            raise ValueError("not an address like http://127.0.0.1:9000")
        return value.rstrip("/")

    def context(self) -> ssl.SSLContext | None:
        """The TLS context for a store whose authority AWS_CA_BUNDLE names; raises InvalidSetting for an invalid file."""
        if self.aws_ca_bundle is None:
            return None
        return context_of(Files(None, None, self.aws_ca_bundle, ("", "", "AWS_CA_BUNDLE")).read())
