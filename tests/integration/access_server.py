"""A model_server with named tokens and a trusted proxy, and calls to it from loopback addresses."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken
from tests.processes.model_server import ModelServer
from tests.processes.store import Store
from tests.tiny_models import tiny

TOKENS = {f"{role.word}-ann": NamedToken.of(f"{role.word}-ann", role, f"token-of-{role.word}-ann") for role in Role}
PROXY = "127.0.0.2"  # the address of the trusted proxy; every other loopback address is untrusted


class Answer(NamedTuple):
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def body(self) -> dict[str, object]:
        """The JSON object of the body."""
        parsed: dict[str, object] = json.loads(self.text)
        return parsed

    @property
    def cookie(self) -> str:
        """The `name=value` of the cookie that it sets."""
        return self.headers["Set-Cookie"].partition(";")[0]


class Server(NamedTuple):
    """The server, and the file of its tokens."""

    process: ModelServer
    tokens: Path

    def ask(
        self, method: str, path: str, body: object = None, *, token: str = "", source: str = "127.0.0.1", **headers: str
    ) -> Answer:
        """The response to a request from a loopback address; a dict of the body is JSON, a string a form."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if isinstance(body, str):
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        address = urlsplit(self.process.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, 30, (source, 0))
        content = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        connection.request(method, path, content, sent)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode("utf-8", "replace"))
        connection.close()
        return answer

    def log_in(self, token: str, **more: str) -> Answer:
        """The response to a login by the form."""
        return self.ask("POST", "/ui/login", urlencode({"token": token}), **more)

    def write(self, *tokens: NamedToken) -> None:
        """Replace the file of tokens as a whole."""
        new = self.tokens.with_suffix(".new")
        new.write_text("# of tests\n" + "".join(f"{token.line}\n" for token in tokens), encoding="utf-8")
        new.replace(self.tokens)

    @property
    def origin(self) -> str:
        """The origin of its pages."""
        return self.process.url


@contextmanager
def access_server(store: Store, bucket: str, folder: Path) -> Iterator[Server]:
    """A server with a token for each role, and a proxy that may name people of example.org."""
    tokens = folder / "tokens"
    tokens.write_text("".join(f"{token.line}\n" for token in TOKENS.values()), encoding="utf-8")
    roles = "ann@example.org=roll,@example.org=read"
    settings = {"TOKENS_FILE": str(tokens), "TRUSTED_PROXIES": f"{PROXY}/32", "PROXY_ROLES": roles}
    with ModelServer(store, bucket, folder, settings) as process:
        yield Server(process, tokens)


def publish_two(server: Server) -> list[str]:
    """Publish two versions of the model `loan`, and roll the first; returns both."""
    published = [
        server.ask("POST", "/models/loan/versions?by=bob", tiny(number)[0], token="token-of-publish-ann")
        for number in (1, 2)
    ]
    versions = [str(answer.body["version"]) for answer in published]
    rolled = server.ask(
        "POST", "/models/loan/rollouts?wait=30", {"version": versions[0], "by": "bob"}, token="token-of-roll-ann"
    )
    assert rolled.body["state"] == "committed"
    return versions
