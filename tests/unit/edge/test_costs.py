"""The measured cost of requests, by route and number of cells."""

import pytest

from predict_api.edge.costs import Cost, Costs, cells_of


def measured(*pairs: tuple[int, float]) -> Costs:
    costs = Costs()
    for cells, seconds in pairs:
        costs.record("/predict", cells, Cost(seconds, seconds / 2), answered=True)
    return costs


def average(costs: Costs, cells: int) -> tuple[float, ...]:
    cost = costs.expected("/predict", cells)
    assert cost is not None
    return tuple(cost)


def test_nothing_is_expected_before_the_first_measurement() -> None:
    assert Costs().expected("/predict", 100) is None
    assert measured((100, 0.1)).expected("/other", 100) is None


def test_later_measurements_move_the_average() -> None:
    costs = measured((100, 0.1), (100, 0.2))
    assert average(costs, 100) == pytest.approx((0.12, 0.06))


def test_a_larger_request_is_expected_to_cost_as_much_a_cell_as_the_measured_one() -> None:
    assert average(measured((100, 0.1)), 1600) == pytest.approx((1.6, 0.8))


def test_a_request_between_two_measured_sizes_costs_at_most_as_much_as_the_larger_one() -> None:
    costs = measured((100, 0.01), (100_000, 0.02))
    assert costs.expected("/predict", 10_000) == Cost(0.02, 0.01)


def test_a_small_request_is_not_taken_for_a_large_one_before_the_first_small_one_is_measured() -> None:
    assert average(measured((1600, 1.6)), 100) == pytest.approx((0.1, 0.05))


def test_refused_requests_make_no_route_look_cheap() -> None:
    costs = measured((100, 0.1))
    costs.record("/predict", 100, Cost(0.001, 0.001), answered=False)
    assert costs.expected("/predict", 100) == Cost(0.1, 0.05)
    costs.record("/predict", 100, Cost(1.1, 0.05), answered=False)
    assert average(costs, 100) == pytest.approx((0.3, 0.05))
    costs.record("/unknown", 100, Cost(0.001, 0.001), answered=False)
    assert costs.expected("/unknown", 100) is None


@pytest.mark.parametrize(
    ("body", "content_type", "cells"),
    [
        (b"", "", 1),
        (b'{"a": 1, "b": 2}', "application/json", 2),
        (b'{"a": "' + b"x" * 10_000 + b'"}', "application/json", 1),
        (bytes(80), "application/octet-stream", 11),
    ],
)
def test_cells_are_counted_by_what_separates_them(body: bytes, content_type: str, cells: int) -> None:
    assert cells_of(body, content_type) == cells
