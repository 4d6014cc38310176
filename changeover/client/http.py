"""One HTTP call to a service: its time limits, its token, and the exception for an error response.

No response in time raises ServiceUnreachable; a problem (RFC 9457) raises ServiceRefused with its reason.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import requests

from changeover.client.upload import Body
from changeover.exceptions import ServiceRefused, ServiceUnreachable
from changeover.json_types import Json, JsonObject

_CONNECT_SECONDS: Final = 5.0
_MOST_PAGES: Final = 10_000
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


class HttpCall:
    """A session of calls to the service at `base`; connections are kept. Not thread-safe."""

    def __init__(self, base: str, service: str, token: str = "", timeout: float = 30.0) -> None:
        self.base = base.rstrip("/")
        self._service = service
        self._token = token
        self._timeout = timeout
        self._session = requests.Session()
        if urlsplit(self.base).hostname in _LOOPBACK:
            self._session.trust_env = False  # a proxy cannot reach this machine's loopback

    def get(self, path: str, query: dict[str, str] | None = None) -> JsonObject:
        """The JSON object at `path`."""
        return self.object_in(self.send("GET", path, query=query))

    def pages(self, path: str, member: str, query: dict[str, str] | None = None) -> Iterator[JsonObject]:
        """Every entry of a list, page by page: `next` names the following page."""
        body = self.get(path, query)
        for _ in range(_MOST_PAGES):
            entries = body.get(member)
            for entry in entries if isinstance(entries, list) else []:
                if isinstance(entry, dict):
                    yield entry
            following = body.get("next")
            if not isinstance(following, str) or not following:
                return
            body = self.get(following.removeprefix(self.base))

    def send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        json: Json = None,
        body: Body | None = None,
        timeout: float | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Return a response below 400; raises ServiceRefused or ServiceUnreachable. `timeout` is per read, in s."""
        with self.naming_silence():
            answer = self._session.request(
                method,
                self.base + path,
                params=query,
                headers=headers,
                json=json,
                data=body,
                auth=self._authorize,
                timeout=(_CONNECT_SECONDS, timeout or self._timeout),
                stream=stream,
            )
        if answer.status_code >= 400:
            raise ServiceRefused(answer.status_code, _problem(answer))
        return answer

    @contextmanager
    def naming_silence(self) -> Iterator[None]:
        """Turn errors of `requests` into ServiceUnreachable with the next step."""
        try:
            yield
        except requests.Timeout as error:
            raise ServiceUnreachable(f"{self._service} at {self.base} did not answer in time; try again") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
            raise ServiceUnreachable(f"{self.base!r} is no address of a service; write http://HOST:PORT") from error
        except requests.ConnectionError as error:
            raise ServiceUnreachable(
                f"{self._service} at {self.base} does not answer; start it with `changeover up` "
                "(with Docker: `docker compose up --wait`), `changeover doctor` looks further"
            ) from error
        except requests.RequestException as error:
            raise ServiceUnreachable(f"{self._service} at {self.base} broke off its answer; try again") from error

    def object_in(self, answer: requests.Response) -> JsonObject:
        """The JSON object in `answer`; raises ServiceUnreachable for anything else."""
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ServiceUnreachable(f"what answers at {self.base} is not {self._service}: check the address")
        return body

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the token; without this hook, requests would read .netrc."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _problem(answer: requests.Response) -> dict[str, object]:
    """The problem in an error response; a generic one if the body holds none."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and ("title" in body or "detail" in body):
        return body
    return {"title": f"HTTP {answer.status_code} {answer.reason}", "status": answer.status_code}
