"""The measured cost of requests: moving averages by route and number of cells.

A cell is one value of a body. The number of cells comes from the separators in the body, which is cheap to count before
the body is read as JSON. What a cell costs is measured: a caller cannot make a request look cheap by its size.
"""

from typing import Final, NamedTuple

_WEIGHT: Final = 0.2  # of the newest measurement
_WEIGHT_OF_LESS: Final = (
    0.5  # of one below the average: the first requests of a process pay for what later ones find ready
)
_MOST_KINDS: Final = 4096  # of which costs are kept; a new one then begins all of them again
_BYTES_OF_A_NUMBER: Final = 8
_BINARY: Final = ("application/octet-stream", "application/vnd.apache.arrow.stream")


class Cost(NamedTuple):
    """The seconds of a request: `wall` in which it had a place for itself, and `cpu` of its thread in this worker."""

    wall: float
    cpu: float

    def scaled(self, factor: float) -> "Cost":
        """The cost, times `factor`."""
        return Cost(self.wall * factor, self.cpu * factor)

    def mixed(self, newest: "Cost") -> "Cost":
        """The moving average with a further measurement."""
        wall, cpu = newest.wall - self.wall, newest.cpu - self.cpu
        return Cost(
            self.wall + (_WEIGHT if wall > 0 else _WEIGHT_OF_LESS) * wall,
            self.cpu + (_WEIGHT if cpu > 0 else _WEIGHT_OF_LESS) * cpu,
        )


NOTHING: Final = Cost(0.0, 0.0)


def cells_of(body: bytes, content_type: str) -> int:
    """The number of cells of a body, at least 1."""
    if content_type.startswith(_BINARY):
        return 1 + len(body) // _BYTES_OF_A_NUMBER
    return 1 + body.count(b",")


class Costs:
    """The costs of all routes of a worker. Pure; the caller holds a lock."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[int, Cost]] = {}  # by route, then by the binary magnitude of the number of cells

    def expected(self, kind: str, cells: int) -> Cost | None:
        """The cost of a request of `cells` by earlier ones of its `kind`, or None before the first.

        An unmeasured size costs as much a cell as the next smaller measured one, at most as much as the next larger. Without
        a smaller one it costs as much a cell as the next larger.
        """
        measured = self._kinds.get(kind)
        if not measured:
            return None
        size = cells.bit_length()
        cost = measured.get(size)
        if cost is not None:
            return cost
        smaller = max((known for known in measured if known < size), default=None)
        larger = min((known for known in measured if known > size), default=None)
        if smaller is None:
            return None if larger is None else measured[larger].scaled(2.0 ** (size - larger))
        scaled = measured[smaller].scaled(2.0 ** (size - smaller))
        if larger is None or scaled.wall <= measured[larger].wall:
            return scaled
        return measured[larger]

    def record(self, kind: str, cells: int, cost: Cost, *, answered: bool) -> None:
        """Add a measurement. One of a request that was not answered counts only if it was dearer than expected."""
        size = cells.bit_length()
        measured = self._kinds.get(kind)
        if measured is None:
            if not answered:
                return
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            measured = self._kinds[kind] = {}
        before = measured.get(size)
        if before is None:
            if answered:
                measured[size] = cost
        elif answered or cost.wall > before.wall:
            measured[size] = before.mixed(cost)
