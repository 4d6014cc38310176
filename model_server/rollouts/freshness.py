"""The response to a freshness check: the current version, its lease, and the version to prepare.

`predict_api/replica/freshness.py` is the caller's half. `Lease-Ms` is 0 while model_server grants no lease: with
`LEASE_MS=0`, before a flip, and after a restart until the leases of the previous run are over.
"""

from dataclasses import dataclass

import msgspec

from changeover.json_types import JsonObject
from changeover.protocol.wire import CHECK_ALL, LEASE_MS, NEXT_VERSION, SERVER_INSTANCE, Current
from changeover.sealed.envelope import Envelope


@dataclass(frozen=True)
class Pointer:
    """The source of the responses to checks; replaced as a whole, in one assignment."""

    current: Current | None = None
    next_version: str | None = None
    rehearsal: str | None = None  # the id under which `next_version` is rehearsed
    watch: str | None = None  # the id under which the switch is watched
    seal: Envelope | None = None  # of the ledger entry of `current`


@dataclass(frozen=True)
class CheckResponse:
    """The response to one check; `changed` is True for 200, False for 304, None without a current version."""

    changed: bool | None
    current: Current | None
    headers: dict[str, str]
    seal: Envelope | None = None

    def body(self, model: str) -> JsonObject:
        """The JSON body of a 200 for `model`, with the seal of the ledger entry if it has one."""
        body = self.current.to_json(model) if self.current else {}
        return {**body, "seal": msgspec.to_builtins(self.seal)} if self.seal else body


def answer(pointer: Pointer, if_none_match: str | None, instance: str, lease_ms: int) -> CheckResponse:
    """The response to a check with the header `If-None-Match` (one ETag, several, or `*`: RFC 9110, 13.1.2).

    `lease_ms` is the lease granted with it, 0 for none.
    """
    headers = headers_of(instance, lease_ms)
    if pointer.next_version is not None:
        headers[NEXT_VERSION] = pointer.next_version
    current = pointer.current
    if current is None:
        return CheckResponse(None, None, headers)
    headers["ETag"] = current.etag
    return CheckResponse(not matches(current.etag, if_none_match), current, headers, pointer.seal)


def headers_of(instance: str, lease_ms: int) -> dict[str, str]:
    """The headers of every response to a check; `lease_ms` is the lease granted with it, 0 for none."""
    return {LEASE_MS: str(lease_ms), "Cache-Control": "no-store", SERVER_INSTANCE: instance, CHECK_ALL: "true"}


def matches(etag: str, if_none_match: str | None) -> bool:
    """Whether the header `If-None-Match` names `etag`."""
    known = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in known or known == ["*"]
