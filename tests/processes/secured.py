"""Services behind TLS: their certificates as files, and processes that are called by HTTPS."""

import http.client
import ssl
from pathlib import Path
from typing import Any

import requests

from changeover.tls.certificates import Pair, issue, make_authority
from tests.processes.model_server import ModelServer
from tests.processes.predict_api import PredictApi

HOSTS = ("127.0.0.1", "localhost")


class Authority:
    """An authority, and the certificates that it signs, as PEM files in a folder."""

    def __init__(self, folder: Path, name: str = "tests") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.pair = folder, make_authority(name)
        self.file = folder / f"{name}.ca.pem"
        self.file.write_bytes(self.pair.certificate)

    def issue(self, name: str, hosts: tuple[str, ...] = HOSTS) -> Pair:
        """A certificate in the files `name`.pem and `name`.key, in place of those that were there."""
        pair = issue(self.pair, name, hosts)
        certificate, key = self.files(name)
        for file, content in ((certificate, pair.certificate), (key, pair.key)):
            part = file.with_suffix(".part")
            part.write_bytes(content)
            part.replace(file)
        return pair

    def files(self, name: str) -> tuple[Path, Path]:
        """The files of a certificate and its key."""
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def settings(self, name: str) -> dict[str, str]:
        """The settings of a service with this certificate, which trusts this authority."""
        certificate, key = self.files(name)
        return {"TLS_CERT": str(certificate), "TLS_KEY": str(key), "TLS_CA": str(self.file)}

    def context(self, name: str = "") -> ssl.SSLContext:
        """The context of a client that trusts this authority, with the certificate `name`."""
        context = ssl.create_default_context(cafile=self.file)
        if name:
            context.load_cert_chain(*self.files(name))
        return context

    def for_requests(self, name: str = "") -> dict[str, Any]:
        """The same for a call of `requests`."""
        certificate, key = self.files(name)
        return {"verify": str(self.file)} | ({"cert": (str(certificate), str(key))} if name else {})


class SecuredModelServer(ModelServer):
    """A model_server behind TLS; `tls` has the arguments of `requests` for it."""

    tls: dict[str, Any]

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://localhost:{self.port}"

    def answers(self, path: str) -> bool:
        """Whether a GET of `path` is answered with 200."""
        return _answers(self.url + path, self.tls)

    def get(self, path: str, token: str | None = "", **more: Any) -> requests.Response:
        """The response to a GET."""
        return super().get(path, **({} if token == "" else {"token": token}), **{**self.tls, **more})

    def post(self, path: str, token: str | None = "", **more: Any) -> requests.Response:
        """The response to a POST."""
        return super().post(path, **({} if token == "" else {"token": token}), **{**self.tls, **more})


class SecuredPredictApi(PredictApi):
    """A predict_api behind TLS."""

    tls: dict[str, Any]

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://localhost:{self.port}"

    def answers(self, path: str) -> bool:
        """Whether a GET of `path` is answered with 200."""
        return _answers(self.url + path, self.tls)

    def predict(self, body: object = None, path: str = "/predict", **kwargs: Any) -> requests.Response:
        """The response to a prediction request."""
        return super().predict(body, path, **{**self.tls, **kwargs})


def _answers(url: str, tls: dict[str, Any]) -> bool:
    try:
        return requests.get(url, timeout=5, **tls).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def connect(port: int, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    """A connection of a caller that repeats nothing."""
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
    connection.connect()
    return connection


def presented(connection: http.client.HTTPSConnection) -> bytes:
    """The certificate (DER) of the server at the other end."""
    certificate = connection.sock.getpeercert(True)
    assert certificate
    return bytes(certificate)


def der(pair: Pair) -> bytes:
    """The certificate of a pair as a connection shows it."""
    return ssl.PEM_cert_to_DER_cert(pair.certificate.decode())
