"""HTTP calls to a service: their time limits, the token, and the exception for an error response.

No response in time raises ServiceUnreachable; a problem (RFC 9457) raises ServiceRefused with its reason. A probe
raises neither.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import requests

from changeover.client.upload import Body
from changeover.exceptions import NotJsonResponse, ServiceRefused, ServiceUnreachable
from changeover.json_documents import objects_in
from changeover.json_types import Json, JsonObject
from changeover.stack import Where
from changeover.tls.adapter import ContextAdapter
from changeover.tls.calls import context_of
from changeover.tls.files import Files

_CONNECT_SECONDS: Final = 5.0
_MOST_PAGES: Final = 10_000
_SHOWN: Final = 80  # characters of a response that is not JSON
LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


class HttpCall:
    """A session of calls to the service at `base`; connections are kept. Not thread-safe."""

    def __init__(
        self, base: str, service: str, token: str = "", timeout: float = 30.0, *, authorities: str = ""
    ) -> None:
        """`authorities` (PEM) are those of the stack; CHANGEOVER_TLS_CA precedes them. Raises InvalidSetting."""
        self.base = base.rstrip("/")
        self._service = service
        self._token = token
        self._timeout = timeout
        self._session = _new_session(self.base, authorities)
        self.authorities = authorities

    def get(self, path: str, query: dict[str, str] | None = None) -> JsonObject:
        """The JSON object at `path`."""
        return self.object_in(self.send("GET", path, query=query))

    def pages(self, path: str, member: str, query: dict[str, str] | None = None) -> Iterator[JsonObject]:
        """Every entry of a list, page by page: `next` names the following page."""
        body = self.get(path, query)
        for _ in range(_MOST_PAGES):
            yield from objects_in(body.get(member))
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
        body: Body | bytes | None = None,
        timeout: float | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Return a response below 400; raises ServiceRefused or ServiceUnreachable. `timeout` is per read, in s."""
        with self.naming_silence():
            response = self._session.request(
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
        if response.status_code >= 400:
            raise ServiceRefused(response.status_code, _problem(response))
        return response

    @contextmanager
    def naming_silence(self) -> Iterator[None]:
        """Turn errors of `requests` into ServiceUnreachable with the next step."""
        try:
            yield
        except requests.Timeout as error:
            raise ServiceUnreachable(f"{self._service} at {self.base} did not answer in time; try again") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
            raise ServiceUnreachable(f"{self.base!r} is no address of a service; write http://HOST:PORT") from error
        except requests.exceptions.SSLError as error:
            raise ServiceUnreachable(
                f"TLS with {self._service} at {self.base} failed: {_reason_of(error)}; CHANGEOVER_TLS_CA names the file of "
                "the authority to trust, CHANGEOVER_TLS_CERT and CHANGEOVER_TLS_KEY a certificate to present"
            ) from error
        except requests.ConnectionError as error:
            raise ServiceUnreachable(
                f"{self._service} at {self.base} does not answer; start it with `changeover up` "
                "(with Docker: `docker compose up --wait`), `changeover doctor` looks further"
            ) from error
        except requests.RequestException as error:
            raise ServiceUnreachable(f"{self._service} at {self.base} broke off its response; try again") from error

    def json_in(self, response: requests.Response) -> Json:
        """The JSON in `response`; raises NotJsonResponse."""
        try:
            body: Json = response.json()
        except ValueError as error:
            kind = response.headers.get("Content-Type", "no content type")
            raise NotJsonResponse(
                f"the response of {response.url} is not JSON: status {response.status_code}, {kind}, it begins with "
                f"{response.text[:_SHOWN]!r}; check that {self._service} answers at {self.base}"
            ) from error
        return body

    def object_in(self, response: requests.Response) -> JsonObject:
        """The JSON object in `response`; raises ServiceUnreachable for anything else."""
        body = self.json_in(response)
        if not isinstance(body, dict):
            raise ServiceUnreachable(f"what answers at {self.base} is not {self._service}: check the address")
        return body

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the token; without this hook, requests would read .netrc."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Probe(NamedTuple):
    """The status of a response and its JSON object, empty if the body is none."""

    status: int
    body: JsonObject

    @property
    def problem(self) -> str:
        """The problem in an error response, in one line."""
        return str(self.body.get("detail") or self.body.get("title") or f"HTTP {self.status}")


def probe(
    url: str,
    *,
    method: str = "GET",
    token: str = "",
    timeout: tuple[float, float] = (0.5, 1.0),
    authorities: str = "",
) -> Probe | None:
    """Call `url`, with an empty object as the body of a POST; None without a response in time."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body: JsonObject | None = {} if method == "POST" else None
    try:
        with _new_session(url, authorities) as session:
            response = session.request(method, url, headers=headers, json=body, timeout=timeout, allow_redirects=False)
    except requests.RequestException:
        return None
    return Probe(response.status_code, _object(response) or {})


def _new_session(url: str, authorities: str) -> requests.Session:
    """A session; without a proxy for this machine's loopback, which a proxy cannot reach."""
    session = requests.Session()
    address = urlsplit(url)
    session.trust_env = address.hostname not in LOOPBACK
    if address.scheme == "https" and (context := _context(authorities)) is not None:
        session.mount("https://", ContextAdapter(context))
    return session


def _context(authorities: str) -> ssl.SSLContext | None:
    """The context of calls by the settings, and `authorities` where these name none; None without either."""
    where = Where.from_environment()
    paths = (where.changeover_tls_cert, where.changeover_tls_key, where.changeover_tls_ca)
    content = Files(*paths, ("CHANGEOVER_TLS_CERT", "CHANGEOVER_TLS_KEY", "CHANGEOVER_TLS_CA")).read()
    if not content.authorities and authorities:
        content = replace(content, authorities=authorities.encode())
    return context_of(content) if content.authorities or content.certificate else None


def _reason_of(error: BaseException) -> str:
    """The innermost reason of an error of TLS."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError):
            return getattr(found, "verify_message", "") or found.reason or str(found)
        inner = [each for each in (*found.args, getattr(found, "reason", None)) if isinstance(each, BaseException)]
        found = inner[0] if inner else found.__cause__ or found.__context__
    return str(error)


def _object(response: requests.Response) -> JsonObject | None:
    """The JSON object in a response, or None."""
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _problem(response: requests.Response) -> JsonObject:
    """The problem in an error response; a generic one if the body holds none."""
    body = _object(response) or {}
    if "title" in body or "detail" in body:
        return body
    return {"title": f"HTTP {response.status_code} {response.reason}", "status": response.status_code}
