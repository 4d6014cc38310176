"""`changeover credentials`: prints how to reach a stack, in the form of `up.json` without `pids`.

On the host it reads `up.json`. In the container of model_server it reads the settings and prints the store's publisher
credentials, which can only write into `incoming/`.
"""

import json
from pathlib import Path

import click
from pydantic import Field, SecretStr

from changeover import stack
from changeover.cli.command import Verb, home_option, json_option
from changeover.process.service_settings import Authorities, Bucket, PublishToken
from changeover.process.settings import Settings


class PublishedAddresses(Settings):
    """The public addresses and credentials of a stack in containers."""

    published_predict_urls: str | None = Field(
        default=None, description="address of predict_api as seen from outside; several are separated by commas"
    )
    published_server_url: str | None = Field(default=None, description="address of model_server as seen from outside")
    published_store_url: str = Field(default="", description="address of the object store as seen from outside")
    tls_ca: Authorities = None
    bucket: Bucket = "models"
    publish_token: PublishToken = SecretStr("")
    publisher_access_key: SecretStr = Field(default=SecretStr(""), description="key that may put into incoming/")
    publisher_secret_key: SecretStr = Field(default=SecretStr(""), description="the secret of that key")


@click.command(cls=Verb)
@home_option
@json_option
def credentials(home: Path | None, as_json: bool) -> None:  # noqa: ARG001 what it prints is JSON either way
    """Print addresses, token and store keys of a stack as JSON. Secrets: keep the output to yourself."""
    published = None if home is not None else from_settings(PublishedAddresses.from_environment())
    addresses = published or stack.read(home or Path(stack.HOME)).without_pids()
    click.echo(json.dumps(addresses.to_json(), indent=1))


def from_settings(settings: PublishedAddresses) -> stack.Stack | None:
    """The stack described by the environment of a container, or None."""
    if not settings.published_server_url:
        return None
    return stack.Stack(
        predict_urls=[url.strip() for url in (settings.published_predict_urls or "").split(",") if url.strip()],
        server_url=settings.published_server_url,
        store_url=settings.published_store_url,
        bucket=settings.bucket,
        token=settings.publish_token.get_secret_value(),
        access_key=settings.publisher_access_key.get_secret_value(),
        secret_key=settings.publisher_secret_key.get_secret_value(),
        tls_ca=settings.tls_ca.read_text(encoding="ascii") if settings.tls_ca is not None else "",
    )
