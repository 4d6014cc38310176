"""RFC 9457 problem details: the one form of every error response."""

from collections.abc import Mapping, Sequence
from typing import Final

MEDIA_TYPE: Final = "application/problem+json"


def problem(
    kind: str,
    status: int,
    title: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, object]] = (),
    **more: object,
) -> dict[str, object]:
    """The body of an error response.

    `kind` is a stable word for programs (`no-model`), put into `type` as a URN; `title` is the same for all problems
    of a kind; `detail` names the thing and the next step; `errors` lists validation errors, at most 20 are kept.
    """
    body: dict[str, object] = {"type": f"urn:changeover:{kind}", "title": title, "status": status, "detail": detail}
    if errors:
        body["errors"] = [dict(error) for error in errors[:20]]
    body.update(more)
    return body
