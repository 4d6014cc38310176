"""One case of the table: a fitted model, the frame of its fit, and the rows that are asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """A model of a kind. `asked` are rows in the container and the types of the fit.

    `together`: requests are sent at the same time.
    """

    model: Any
    example: Any
    asked: Any
    together: bool = False


Made = Callable[[], Case]
