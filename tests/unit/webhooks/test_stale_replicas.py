from changeover.json_types import JsonObject
from changeover.protocol.wire import Current
from model_server.webhooks.stale_replicas import STALE_S, StaleReplicas

CURRENT = Current(2, "a" * 64)


def replica(name: str, sequence: int | None = 2, silent_s: float = 0.0) -> JsonObject:
    held: JsonObject | None = None if sequence is None else {"sequence": sequence, "version": "a" * 64}
    return {"replica": name, "host": "h", "held": held, "silent_s": silent_s}


def test_a_silent_replica_is_stale_once_until_it_is_heard_again() -> None:
    replicas = StaleReplicas()
    silences = [(1.0, 0), (STALE_S, 1), (STALE_S + 2, 0), (0.0, 0), (STALE_S, 1)]
    for time, (silent_s, stale) in enumerate(silences):
        fleets = [(model, CURRENT, [replica("r1", silent_s=silent_s), replica("r2")]) for model in ("a", "b")]
        found = replicas.look(fleets, float(time))
        assert [(each.replica, each.models) for each in found] == [("r1", ("a", "b"))] * stale


def test_a_replica_that_stays_behind_the_current_version_is_stale() -> None:
    replicas = StaleReplicas()
    behind = [("a", CURRENT, [replica("r1", sequence=1), replica("r2", sequence=None), replica("r3")])]
    assert replicas.look(behind, 0.0) == []
    assert replicas.look(behind, STALE_S - 1) == []
    assert [each.replica for each in replicas.look(behind, STALE_S)] == ["r1", "r2"]
    assert replicas.look([("a", None, [replica("r1", sequence=None)])], 100.0) == []


def test_a_replica_that_catches_up_in_between_begins_again() -> None:
    replicas = StaleReplicas()
    for time, sequence in ((0.0, 1), (STALE_S - 1, 2), (STALE_S, 1), (STALE_S + 5, 1)):
        assert replicas.look([("a", CURRENT, [replica("r1", sequence=sequence)])], time) == []
