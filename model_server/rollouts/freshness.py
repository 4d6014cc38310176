"""The answer to the freshness check: what is current, for how long it may be trusted, and what comes next.

Carries `GET /models/{m}/current`. Its other half, which asks, is `predict_api/replica/freshness.py`. `Lease-Ms` is 0
while none is granted: with `LEASE_MS=0`, before a flip, and after a restart until the leases of before are over.
"""

from dataclasses import dataclass

from changeover.protocol.wire import LEASE_MS, NEXT_VERSION, SERVER_INSTANCE, Current


@dataclass(frozen=True)
class Pointer:
    """What checks are answered by; replaced whole, in one assignment."""

    current: Current | None = None
    next_version: str | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to one check; `changed` says 200 and not 304, and None that there is no current version."""

    changed: bool | None
    current: Current | None
    headers: dict[str, str]


def answer(pointer: Pointer, if_none_match: str | None, instance: str, lease_ms: int) -> Answer:
    """Answer a check that holds the ETag `if_none_match` (or several, or `*`, as RFC 9110 has it).

    `lease_ms` is what was granted with it, 0 for none.
    """
    headers = {LEASE_MS: str(lease_ms), "Cache-Control": "no-store", SERVER_INSTANCE: instance}
    if pointer.next_version is not None:
        headers[NEXT_VERSION] = pointer.next_version
    current = pointer.current
    if current is None:
        return Answer(None, None, headers)
    headers["ETag"] = current.etag
    held = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return Answer(not (current.etag in held or held == ["*"]), current, headers)
