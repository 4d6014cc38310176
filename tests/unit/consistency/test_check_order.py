"""The fast comparison of answers: equal to the comparison of every pair, and fast on a long history."""

from hypothesis import given, settings
from hypothesis import strategies as st

from changeover.consistency.check import check
from changeover.consistency.check_order import freshness, no_way_back
from changeover.consistency.records import Answer, History, Rollout

A = "a" * 64

sequences = st.integers(1, 4)
spans = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)
answers = st.builds(
    lambda span, sequence, stale: Answer("m", *map(float, span), True, 200, sequence, A, stale),
    spans,
    sequences,
    st.sampled_from([False, False, False, True]),
)
rollouts = st.builds(
    lambda span, sequence, outcome: Rollout("m", A, outcome, *map(float, span), sequence),
    spans,
    sequences,
    st.sampled_from(["committed", "committed", "aborted"]),
)


@settings(max_examples=500)
@given(st.lists(answers, max_size=14))
def test_no_way_back_is_what_comparing_every_two_answers_finds(history: list[Answer]) -> None:
    unstale = [one for one in history if not one.stale]
    expected = [
        one.end for one in unstale if any(old.end < one.start and old.sequence > one.sequence for old in unstale)
    ]
    assert [found.at for found in no_way_back(history)] == expected


@settings(max_examples=500)
@given(st.lists(answers, max_size=10), st.lists(rollouts, max_size=5))
def test_freshness_is_what_comparing_every_answer_with_every_rollout_finds(
    history: list[Answer], rolled: list[Rollout]
) -> None:
    committed = [(one.end, one.sequence or 0) for one in rolled if one.state == "committed"]
    expected = [
        one.end
        for one in history
        if not one.stale and any(end < one.start and sequence > one.sequence for end, sequence in committed)
    ]
    assert [found.at for found in freshness(history, rolled)] == expected


def test_a_history_of_200_000_answers_is_judged_and_the_one_old_answer_in_it_is_found() -> None:
    count, each = 200_000, 1000
    seen = [Answer("m", i / 100, i / 100 + 0.5, True, 200, 1 + i // each, A, versions_seen=(A,)) for i in range(count)]
    rolled = [Rollout("m", A, "committed", 0.0, k * each / 100, k + 1) for k in range(count // each)]
    late = seen[150_500]
    seen[150_500] = Answer("m", late.start, late.end, True, 200, late.sequence - 1, A)
    found = check(History(answers=seen, rollouts=rolled))
    assert sorted((str(one.promise), one.at) for one in found) == [
        ("freshness", late.end),
        ("no way back", late.end),
    ]
