"""The current versions of all models as one response: its ETag, its lease, and the models that it fences."""

from changeover.protocol.wire import Current, CurrentModels
from model_server.rollouts.current_set import CurrentSet
from model_server.rollouts.model_state import ModelState
from model_server.rollouts.pointer import LeasedPointer

A, B = Current(1, "a" * 64), Current(2, "b" * 64)


def a_set(**currents: Current | None) -> tuple[CurrentSet, dict[str, LeasedPointer]]:
    current_set, pointers = CurrentSet(), {}
    for name, current in currents.items():
        pointers[name] = LeasedPointer()
        if current is not None:
            pointers[name].adopt(current)
        current_set.add(name, pointers[name])
    return current_set, pointers


def entries(current_set: CurrentSet, now: float = 0.0) -> dict[str, tuple[Current | None, str | None, bool]]:
    listed = CurrentModels.decode(current_set.grant(None, 1000, now)[0].body).models
    return {name: (entry.current, entry.next_version, entry.fenced) for name, entry in listed.items()}


def test_the_etag_stays_until_something_changes() -> None:
    current_set, pointers = a_set(loan=A, wine=B)
    etag = current_set.grant(None, 1000, 0.0)[0].etag
    assert current_set.grant(None, 1000, 5.0)[0].etag == etag
    with current_set.changing():
        pointers["loan"].announce(B.version)
    changed = current_set.grant(None, 1000, 5.0)[0].etag
    assert changed != etag
    with current_set.changing():
        pointers["loan"].announce(None)
    assert current_set.grant(None, 1000, 5.0)[0].etag == etag  # it is that of the content


def test_it_has_the_models_with_a_current_or_a_next_version() -> None:
    current_set, pointers = a_set(loan=A, wine=None, churn=None)
    with current_set.changing():
        pointers["wine"].announce(B.version)
    assert entries(current_set) == {"loan": (A, None, False), "wine": (None, B.version, True)}


def test_a_fence_of_one_model_leaves_the_leases_of_the_others() -> None:
    current_set, pointers = a_set(loan=A, wine=B)
    assert current_set.grant(None, 1000, 10.0)[1] == 1000
    with current_set.changing():
        pointers["loan"].stop_granting(current_set.granted)
    assert entries(current_set, 10.5) == {"loan": (A, None, True), "wine": (B, None, False)}
    assert current_set.grant(None, 1000, 10.5)[1] == 1000
    assert not pointers["loan"].granted.over(11.0)
    assert pointers["loan"].granted.over(11.02)  # it does not wait for the lease that left it out


def test_no_lease_is_granted_if_every_model_is_fenced_or_none_is_there() -> None:
    current_set, pointers = a_set(loan=A)
    with current_set.changing():
        pointers["loan"].stop_granting(current_set.granted)
    assert current_set.grant(None, 1000, 10.0)[1] == 0
    assert CurrentSet().grant(None, 1000, 10.0)[1] == 0
    assert current_set.grant(None, 0, 10.0)[1] == 0


def test_after_a_restart_a_model_is_fenced_until_the_leases_of_the_previous_run_are_over() -> None:
    current_set, pointers = a_set(loan=A, wine=B)
    with current_set.changing():
        pointers["loan"].succeed(B, 1.0, 10.0)
    assert entries(current_set, 11.0)["loan"] == (B, None, True)
    assert entries(current_set, 11.02)["loan"] == (B, None, False)


def test_a_selection_has_its_models_and_an_etag_of_its_own() -> None:
    current_set, pointers = a_set(loan=A, wine=B)
    response, _ = current_set.grant(("unknown", "wine"), 1000, 0.0)
    assert list(CurrentModels.decode(response.body).models) == ["wine"]
    with current_set.changing():
        pointers["loan"].announce(B.version)
    assert current_set.grant(("unknown", "wine"), 1000, 0.0)[0].etag == response.etag
    assert current_set.grant(("wine",), 1000, 0.0)[0] is current_set.grant(("others", "wine"), 1000, 0.0)[0]


def test_a_rollout_of_a_model_waits_for_the_leases_on_all() -> None:
    current_set = CurrentSet()
    state = ModelState("loan", current_set)
    with state._changing() as pointer:
        pointer.adopt(A)
    current_set.grant(None, 1000, 10.0)
    state.stop_granting()
    assert not state.leased_pointer.granted.over(11.0)
    assert current_set.grant(None, 1000, 10.5)[1] == 0
