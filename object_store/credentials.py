"""The credentials of the store, read again when their files change: rotation needs no restart."""

from minio.credentials.credentials import Credentials
from minio.credentials.providers import Provider

from changeover.process.settings import SecretFile
from object_store.settings import StoreSettings


class RotatingCredentials(Provider):
    """The keys from the settings, or the current content of their files."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._access = SecretFile("aws_access_key_id")
        self._secret = SecretFile("aws_secret_access_key")

    def retrieve(self) -> Credentials:
        """Called by the S3 client for each request that it signs."""
        return Credentials(
            self._access.read() or self._settings.aws_access_key_id,
            self._secret.read() or self._settings.aws_secret_access_key.get_secret_value(),
        )
