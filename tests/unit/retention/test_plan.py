"""The decision which versions lose their bytes."""

from hypothesis import given
from hypothesis import strategies as st

from model_server.retention.plan import NEWEST, RECENT, Candidate, plan

DAY = 86_400.0


def version(number: int, published_day: float, used_day: float = 0.0) -> Candidate:
    """A version that was published, and last current, so many days after the beginning."""
    return Candidate(f"{number:064x}", 10, published_day * DAY, used_day * DAY)


def names(candidates: tuple[Candidate, ...]) -> list[int]:
    return [int(each.version, 16) for each in candidates]


def test_the_newest_the_recent_and_those_in_use_are_kept() -> None:
    versions = [version(number, number) for number in range(1, 11)]
    decided = plan(versions, keep=2, keep_from=6 * DAY, uses={versions[0].version: "current"})
    assert names(decided.remove) == [2, 3, 4, 5, 6]
    assert [decided.kept[each.version] for each in versions if each.version in decided.kept] == [
        "current",
        RECENT,
        RECENT,
        NEWEST,
        NEWEST,
    ]


def test_a_version_in_use_takes_no_place_of_an_older_one() -> None:
    versions = [version(number, number) for number in range(1, 5)]
    decided = plan(versions, keep=2, keep_from=1e12, uses={versions[3].version: "current"})
    assert names(decided.remove) == [1, 2]


def test_days_count_from_when_a_version_was_last_current() -> None:
    versions = [version(1, 1, used_day=99), version(2, 2, used_day=80), version(3, 3)]
    decided = plan(versions, keep=0, keep_from=90 * DAY, uses={})
    assert names(decided.remove) == [2, 3]


def test_a_version_whose_time_cannot_be_read_is_kept() -> None:
    odd = Candidate("f" * 64, 1, float("inf"))
    assert plan([odd], keep=0, keep_from=1e12, uses={}).kept == {odd.version: RECENT}


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=30),
    st.integers(0, 10),
    st.floats(0, 100),
    st.sets(st.integers(0, 29)),
)
def test_what_is_removed_is_old_unused_and_not_among_the_newest(
    days: list[tuple[float, float]], keep: int, keep_day: float, used: set[int]
) -> None:
    versions = [version(number, *each) for number, each in enumerate(days)]
    uses = {each.version: "current" for number, each in enumerate(versions) if number in used}
    decided = plan(versions, keep, keep_day * DAY, uses)
    assert {each.version for each in decided.remove} | decided.kept.keys() == {each.version for each in versions}
    for each in decided.remove:
        assert each.version not in uses
        assert max(each.published_at, each.used_until) <= keep_day * DAY
        assert sum(other.published_at >= each.published_at for other in versions) > keep
