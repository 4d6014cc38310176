"""The chain of a ledger: each entry names the SHA-256 of the entry before it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from changeover.sealed.statement import EntryFacts


@dataclass(frozen=True)
class Link:
    """A verified entry: the SHA-256 of its stored bytes, and the facts of its seal."""

    sha256: str
    facts: EntryFacts


def breaks(links: Iterable[Link]) -> Iterator[tuple[int, str]]:
    """The sequences at which a chain breaks, each with the reason; `links` come oldest first.

    The first link may have any number, but only number 1 has no entry before it.
    """
    before: Link | None = None
    for link in links:
        facts = link.facts
        if before is None:
            if (facts.before is None) != (facts.sequence == 1):
                yield facts.sequence, "it is not the first entry, and names none before it"
        elif facts.sequence != before.facts.sequence + 1:
            yield facts.sequence, f"the entry before it is missing, after {before.facts.sequence}"
        elif facts.before != before.sha256:
            yield facts.sequence, f"it names another entry as number {before.facts.sequence}: SHA-256 {facts.before}"
        before = link
