from model_server.webhooks.deliveries import LONGEST_PAUSE_S, PATIENT, Deliveries
from model_server.webhooks.event import Event, EventType


def event(minute: int) -> Event:
    return Event.of(EventType.ROLLOUT_COMMITTED, f"2026-01-31T12:{minute:02d}:00Z", {"sequence": minute}, str(minute))


def deliveries(*events: Event) -> Deliveries:
    every = Deliveries("2026-01-31T12:00:00Z", ())
    every.add(events)
    return every


def test_events_are_due_in_the_order_in_which_they_happened_each_once() -> None:
    every = deliveries(event(2), event(1), event(3))
    sent = []
    while (due := every.due(0.0)) is not None:
        every.add([due])
        every.succeeded(due)
        every.add([due])
        sent.append(due)
    assert sent == [event(1), event(2), event(3)]
    assert every.pending == 0
    assert every.wait_s(0.0) == float("inf")


def test_an_address_gets_neither_what_was_before_it_nor_what_it_has_taken() -> None:
    every = Deliveries("2026-01-31T12:02:00Z", [event(3).id])
    every.add(map(event, (1, 2, 3, 4)))
    assert [every.waits_for(event(minute)) for minute in (1, 2, 3, 4)] == [False, True, False, True]


def test_after_a_failure_of_the_address_all_events_wait_and_the_pauses_grow() -> None:
    every, now, pauses = deliveries(event(1), event(2)), 0.0, []
    for _ in range(15):
        due = every.due(now)
        assert due is not None
        pauses.append(every.failed(due, now, refused=False, jitter=1.0))
        assert every.due(now + pauses[-1] - 0.01) is None
        assert every.wait_s(now) == pauses[-1]
        now += pauses[-1]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_PAUSE_S
    every.succeeded(event(1))
    assert every.failed(event(2), now, refused=False, jitter=0.5) == 0.25


def test_an_event_that_is_refused_does_not_hold_up_the_others() -> None:
    every = deliveries(event(1), event(2))
    pause = every.failed(event(1), 0.0, refused=True, jitter=1.0)
    assert every.due(0.0) == event(2)
    assert every.due(pause) == event(1)
    assert every.attempts(event(1)) == 1


def test_an_event_that_always_fails_lets_the_others_go_first() -> None:
    every, now = deliveries(event(1), event(2)), 0.0
    for _ in range(PATIENT):
        assert every.due(now) == event(1)
        now += every.failed(event(1), now, refused=False, jitter=1.0)
    assert every.due(now) == event(2)


def test_a_receiver_may_ask_for_a_longer_pause_up_to_the_longest() -> None:
    every = deliveries(event(1))
    assert every.failed(event(1), 0.0, refused=False, jitter=1.0, retry_after_s=60.0) == 60.0
    assert every.failed(event(1), 60.0, refused=False, jitter=1.0, retry_after_s=1e6) == LONGEST_PAUSE_S
