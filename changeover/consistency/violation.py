"""A violation of a guarantee: its name, evidence and time."""

from dataclasses import dataclass
from enum import StrEnum


class Promise(StrEnum):
    """The promises that a history is checked for; `docs/histories.md` defines them."""

    ATTRIBUTION = "attribution"
    ATOMICITY = "atomicity"
    NO_WAY_BACK = "no way back"
    FRESHNESS = "freshness"
    AVAILABILITY = "availability"
    SAFETY = "safety"
    DURABILITY = "durability"
    ONE_VERSION = "one version a sequence number"
    CONVERGENCE = "convergence"


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation; `message` names the evidence, for people; `at` is its time in seconds of the history's clock."""

    promise: Promise
    message: str
    at: float
