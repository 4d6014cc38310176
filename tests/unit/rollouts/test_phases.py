"""The phases of a rollout: the seconds in each, until now or until its end."""

from model_server.rollouts.phases import Phase, Phases


def test_each_phase_ends_where_the_next_begins() -> None:
    phases = Phases.begun(10.0).entered(Phase.FENCE, 12.5).entered(Phase.COMMIT, 13.0)
    assert phases.seconds(13.25) == {Phase.PREPARE: 2.5, Phase.FENCE: 0.5, Phase.COMMIT: 0.25}


def test_a_phase_begins_once_and_an_end_stops_the_clock() -> None:
    phases = Phases.begun(10.0).entered(Phase.FENCE, 11.0).entered(Phase.FENCE, 19.0).ended(20.0)
    assert phases.seconds(99.0) == {Phase.PREPARE: 1.0, Phase.FENCE: 9.0}


def test_without_a_rollout_there_is_no_phase() -> None:
    assert Phases().seconds(5.0) == {}
