"""The problems of this model_server that `/readyz` shows."""

import threading
from collections.abc import Iterable
from enum import StrEnum


class Topic(StrEnum):
    """What a problem is about. Most are about one model, which is part of their name on `/readyz`."""

    STORE = "store"
    PIN = "pin"
    ROLLOUT = "rollout"
    LEDGER = "ledger"
    LEDGER_ENTRY = "ledger entry"
    STRAY_ENTRY = "stray entry"
    OTHER_SERVERS = "model_servers"
    RECORDS = "records"
    WEBHOOKS = "webhooks"
    STAGE = "background"


# These texts quote nothing of a version; any caller of `/readyz` may read them.
PUBLIC = frozenset({Topic.STORE, Topic.PIN, Topic.LEDGER, Topic.OTHER_SERVERS})


class Problems:
    """The problems that exist now, by topic and by what they are about: a model, a folder, a stage. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[tuple[Topic, str], str] = {}

    def set(self, topic: Topic, text: str, about: str = "") -> bool:
        """Set a problem; returns whether it is new or reads differently."""
        with self._lock:
            new = self._texts.get((topic, about)) != text
            self._texts[topic, about] = text
            return new

    def clear(self, topic: Topic, about: str = "") -> bool:
        """Clear a problem; returns whether it was set."""
        with self._lock:
            return self._texts.pop((topic, about), None) is not None

    def has(self, topic: Topic) -> bool:
        """Whether any problem of this topic is set."""
        with self._lock:
            return any(key[0] is topic for key in self._texts)

    def about(self, topics: Iterable[Topic], about: str) -> list[str]:
        """The texts of the problems of these topics about one thing."""
        with self._lock:
            return [self._texts[topic, about] for topic in topics if (topic, about) in self._texts]

    def texts(self, hidden: str | None = None) -> dict[str, str]:
        """Name -> text; with `hidden`, that stands for each text that is not public."""
        with self._lock:
            texts = list(self._texts.items())
        return {
            _name(topic, about): text if hidden is None or topic in PUBLIC else hidden for (topic, about), text in texts
        }


def _name(topic: Topic, about: str) -> str:
    if topic is Topic.STAGE:
        return about
    if topic is Topic.RECORDS:
        return f"{topic} in {about}"
    return f"{topic} of {about}" if about else str(topic)
