"""The result of one check of `changeover doctor`."""

from dataclasses import asdict, dataclass

from changeover.json_types import JsonObject


@dataclass(frozen=True)
class Finding:
    """The result of one check; `next_step` is the advice if it failed."""

    name: str
    ok: bool
    detail: str
    next_step: str = ""

    def to_json(self) -> JsonObject:
        """The same as JSON."""
        return asdict(self)
