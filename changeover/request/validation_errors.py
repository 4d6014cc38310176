"""The list of validation errors of one request: the first 20 in full, the rest as a count."""

from typing import Final

from changeover.exceptions import MOST_LISTED, RequestFaults

_LONGEST_FIELD: Final = 100


class ValidationErrors:
    """A collector of validation errors, with the exception that lists them."""

    def __init__(self) -> None:
        self._listed: list[dict[str, str | int | None]] = []
        self._total = 0

    @property
    def full(self) -> bool:
        """Whether further errors are only counted."""
        return len(self._listed) >= MOST_LISTED

    def add(self, row: int | None, field: str | None, message: str) -> None:
        """Add one error; `row` and `field` are None if it concerns no single row or field."""
        self._total += 1
        if not self.full:
            named = field if field is None or len(field) <= _LONGEST_FIELD else f"{field[:_LONGEST_FIELD]}..."
            self._listed.append({"row": row, "field": named, "message": message})

    def count(self, more: int) -> None:
        """Count `more` errors without listing them."""
        self._total += more

    @property
    def any(self) -> bool:
        """Whether there is any error."""
        return self._total > 0

    def error(self) -> RequestFaults:
        """The exception that lists the errors."""
        return RequestFaults(self._listed, self._total)
