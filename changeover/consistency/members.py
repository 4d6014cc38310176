"""Typed access to the members of one history record, with errors that name the member."""

from collections.abc import Iterable, Iterator
from typing import Final

from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject

_LATEST: Final = 1e15  # seconds: above that, a double does not resolve tenths of a second


class MalformedHistory(ChangeoverError):
    """A line that is no record of a history; the message names the line, the member and the problem."""


class Members:
    """A typed reader of the members of `body`; `name` names the body in messages.

    A null member counts as missing. A missing member takes the default if there is one. Otherwise, and for a member of
    another type, each method raises MalformedHistory.
    """

    def __init__(self, body: JsonObject, name: str) -> None:
        self._body = body
        self._name = name

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self._body.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string; empty only by default."""
        value = self._value(name, default)
        if not isinstance(value, str) or (value == "" and default is None):
            raise self._wrong(name, value, "a string that is not empty" if default is None else "a string")
        return value

    def truth(self, name: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """An integer of 0 or more."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._wrong(name, value, "a whole number of 0 or more")
        return value

    def number(self, name: str) -> float:
        """A finite number."""
        value = self._value(name, None)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LATEST:
            raise self._wrong(name, value, "a number of seconds")
        return float(value)

    def span(self) -> tuple[float, float]:
        """The members `start` and `end`, in seconds; `start` <= `end`."""
        start, end = self.number("start"), self.number("end")
        if end < start:
            raise MalformedHistory(
                f"the {self._name} ends at {end:g}, before its start at {start:g}: "
                f"take both from one clock that never steps"
            )
        return start, end

    def one_of(self, name: str, words: Iterable[str]) -> str:
        """One of these words."""
        value = self._value(name, None)
        known = [str(word) for word in words]
        if not isinstance(value, str) or value not in known:
            raise self._wrong(name, value, f"one of {', '.join(known)}")
        return value

    def texts(self, name: str, required: bool = False) -> tuple[str, ...]:
        """A list of strings; a missing list is empty, unless it is `required`."""
        if required and not self.has(name):
            raise self._wrong(name, None, "a list of strings")
        return tuple(self._text_of(name, item) for item in self._list(name))

    def objects(self, name: str) -> Iterator["Members"]:
        """The members of each object in a required list."""
        if not self.has(name):
            raise self._wrong(name, None, "a list of objects")
        for item in self._list(name):
            if not isinstance(item, dict):
                raise self._wrong(name, item, "a list of objects")
            yield Members(item, f"{self._name}'s {name}")

    def _text_of(self, name: str, item: Json) -> str:
        if not isinstance(item, str):
            raise self._wrong(name, item, "a list of strings")
        return item

    def _list(self, name: str) -> list[Json]:
        value = self._body.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, value, "a list")
        return value

    def _value(self, name: str, default: object) -> object:
        value = self._body.get(name)
        return default if value is None else value

    def _wrong(self, name: str, value: object, wanted: str) -> MalformedHistory:
        said = "is missing" if value is None else f"is {str(value)[:80]!r}"
        return MalformedHistory(f"{name!r} of the {self._name} {said}; it must be {wanted}")
