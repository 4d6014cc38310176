"""The counts by the reference of another version: only where the bins are the same."""

from changeover.drift.alignment import aligned
from changeover.drift.reference import Categories, Numbers, Predictions, Reference, Texts, counts_of

THEIRS = Reference(
    9,
    {
        "age": Numbers([1.0, 2.0], [0, 3, 3, 3, 0, 0], 0.0, 3.0),
        "town": Categories(["Oslo", "Rome"], [5, 4, 1, 2, 3]),
        "note": Texts([9, 0]),
    },
    Predictions(9, {"age": Numbers([0.5], [0, 4, 5, 0, 0], 0.0, 1.0)}),
)


def test_equal_bins_keep_their_counts_whatever_the_order_of_categories() -> None:
    ours = Reference(
        5,
        {
            "age": Numbers([1.0, 2.0], [0] * 6, -5.0, 8.0),
            "town": Categories(["Rome", "Oslo"], [0] * 5),
            "note": Texts([0, 0]),
        },
        Predictions(0, {"age": Numbers([0.5], [0] * 5, 0.0, 1.0)}),
    )
    vector, others = aligned(counts_of(THEIRS), THEIRS, ours)
    assert others == []
    assert vector == [0, 3, 3, 3, 0, 0, 9, 0, 4, 5, 1, 2, 3, 0, 4, 5, 0, 0]


def test_other_bins_have_no_counts_and_are_named() -> None:
    ours = Reference(
        5,
        {
            "age": Numbers([1.5, 2.0], [0] * 6, 0.0, 3.0),
            "town": Categories(["Oslo"], [0] * 4),
            "note": Numbers([1.0], [0] * 5, 0.0, 2.0),
            "new": Texts([0, 0]),
        },
    )
    vector, others = aligned(counts_of(THEIRS), THEIRS, ours)
    assert set(vector) == {0}
    assert others == ["age", "new", "note", "town"]
