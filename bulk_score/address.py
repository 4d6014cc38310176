"""The address of a version: where a process, on this machine or another, gets its verified bytes.

Both classes are plain values that can be sent to another process; their text shows no secret.
"""

from dataclasses import dataclass, field
from typing import Any

from object_store.settings import StoreSettings


@dataclass(frozen=True)
class StoreAddress:
    """A bucket and the keys to it; without keys, those of the environment are used."""

    endpoint: str
    bucket: str
    region: str = "us-east-1"
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)

    def settings(self) -> StoreSettings:
        """The settings of the store's client; raises InvalidSetting."""
        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        given: dict[str, Any] = {name: value for name, value in keys.items() if value}
        return StoreSettings.from_environment(
            aws_endpoint_url_s3=self.endpoint, bucket=self.bucket, aws_region=self.region, **given
        )


@dataclass(frozen=True)
class VersionAddress:
    """A version by its hash, the folder of its verified copy, and model_server or a bucket to get it from.

    `version` is the whole hash. All processes of a machine should have the same `cache_dir`: one downloads, the others
    read. `token` is one of the role `read`, if model_server has tokens; `authorities` (PEM) those of its TLS.
    """

    model: str
    version: str
    cache_dir: str
    server_url: str = ""
    token: str = field(default="", repr=False)
    store: StoreAddress | None = None
    authorities: str = field(default="", repr=False)
