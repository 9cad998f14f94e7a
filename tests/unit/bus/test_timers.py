from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.bus.timers import Timers


class Clock:
    def __init__(self) -> None:
        self.ns = 5_000

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timers(clock) -> Timers:
    return Timers(clock)


def test_guest_time_starts_at_zero_and_follows_the_host(timers, clock):
    assert timers.now() == 0
    clock.ns += 700
    assert timers.now() == 700


def test_alarms_ring_once_in_the_order_of_their_times(timers, clock):
    rung: list[str] = []
    for name, at in (("late", 300), ("early", 100), ("middle", 200), ("never", 10_000)):
        timers.alarm(lambda name=name: rung.append(name)).set(at)
    assert timers.next_deadline() == 100
    assert timers.next_host_deadline() == 5_100
    clock.ns += 99
    timers.run_due()
    assert rung == []
    clock.ns += 500
    timers.run_due()
    timers.run_due()
    assert rung == ["early", "middle", "late"]
    assert timers.next_deadline() == 10_000


def test_setting_again_replaces_and_cancel_silences(timers, clock):
    rung: list[int] = []
    moved, cancelled = timers.alarm(lambda: rung.append(timers.now())), timers.alarm(lambda: rung.append(-1))
    moved.set(100)
    moved.set(300)
    cancelled.set(50)
    cancelled.cancel()
    cancelled.cancel()
    assert timers.next_deadline() == 300
    clock.ns += 200
    timers.run_due()
    assert rung == []
    clock.ns += 100
    timers.run_due()
    assert rung == [300]
    assert moved.deadline is None


def test_an_alarm_may_set_itself_again_without_starving_the_caller(timers, clock):
    rung: list[int] = []

    def again() -> None:
        rung.append(timers.now())
        alarm.set(timers.now() - 50)

    alarm = timers.alarm(again)
    alarm.set(10)
    clock.ns += 100
    timers.run_due()
    assert rung == [100]
    timers.run_due()
    assert rung == [100, 100]


def test_an_alarm_may_cancel_another_that_is_due_too(timers, clock):
    rung: list[str] = []
    second = timers.alarm(lambda: rung.append("second"))
    first = timers.alarm(lambda: (rung.append("first"), second.cancel()))
    first.set(10)
    second.set(20)
    clock.ns += 100
    timers.run_due()
    assert rung == ["first"]


def test_an_earlier_deadline_is_told_and_a_later_is_not(clock):
    woken: list[int | None] = []
    timers = Timers(clock, lambda: woken.append(timers.next_deadline()))
    for deadline in (500, 700, 300, 300, 100):
        timers.alarm(lambda: None).set(deadline)
    assert woken == [500, 300, 100]


def test_time_and_alarms_stand_still_in_a_pause(timers, clock):
    rung: list[int] = []
    timers.alarm(lambda: rung.append(timers.now())).set(100)
    clock.ns += 60
    timers.pause()
    timers.pause()
    clock.ns += 1_000
    timers.run_due()
    assert (timers.now(), timers.next_deadline(), timers.next_host_deadline(), rung) == (60, None, None, [])
    timers.resume()
    timers.resume()
    assert timers.next_host_deadline() == clock.ns + 40
    clock.ns += 40
    timers.run_due()
    assert rung == [100]


def test_resume_wakes_whoever_waits_for_the_next_alarm(clock):
    woken = []
    timers = Timers(clock, lambda: woken.append(True))
    timers.resume()
    timers.pause()
    timers.resume()
    assert not woken  # with no alarm nobody waits
    timers.alarm(lambda: None).set(1000)
    timers.pause()
    woken.clear()
    timers.resume()
    assert woken


@pytest.mark.parametrize("paused", [False, True])
def test_guest_time_can_be_moved(timers, clock, paused):
    if paused:
        timers.pause()
    timers.set_now(1_000_000)
    assert timers.now() == 1_000_000
    timers.resume()
    clock.ns += 5
    assert timers.now() == 1_000_005


def test_a_guest_that_sets_its_timer_without_end_does_not_grow_the_heap(timers):
    alarms = [timers.alarm(lambda: None) for _ in range(5)]
    for count in range(20_000):
        alarms[count % 5].set(1_000_000 - count)
    assert len(timers._heap) < 200
    for alarm in alarms:
        alarm.cancel()
    assert timers.next_deadline() is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(0, 100))), max_size=60))
def test_what_rings_is_what_was_set_last(moves):
    clock = Clock()
    timers = Timers(clock)
    rung: list[int] = []
    alarms = [timers.alarm(lambda at=at: rung.append(at)) for at in range(5)]
    expected: dict[int, int] = {}
    for at, deadline in moves:
        if deadline is None:
            alarms[at].cancel()
            expected.pop(at, None)
        else:
            alarms[at].set(deadline)
            expected[at] = deadline
        assert timers.next_deadline() == min(expected.values(), default=None)
    clock.ns += 100
    timers.run_due()
    assert sorted(rung) == sorted(expected)
    assert [expected[at] for at in rung] == sorted(expected.values())
