"""The cells of a request by column: lists, or numpy arrays of one dimension."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


class Cells(Protocol):
    """The cells of one column."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


Columns = Mapping[str, Cells]
