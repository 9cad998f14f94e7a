"""The shared state of one run, with vCPUs that only note what they are told."""

from __future__ import annotations

import threading

import pytest

from vmm.bus.timers import Timers
from vmm.machine.outcome import Outcome
from vmm.machine.run import Run


class Clock:
    ns = 1_000

    def __call__(self) -> int:
        return self.ns


class Vcpu:
    def __init__(self, index: int) -> None:
        self.index = index
        self.kicks: list[bool] = []

    def kick(self, stop: bool = False) -> None:
        self.kicks.append(stop)

    def clear_stop(self) -> None:
        self.kicks.clear()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Clock, vcpus: int = 1, irqchip: str = "user") -> Run:
    timers = Timers(clock, lambda: run.rearm())
    run = Run([Vcpu(index) for index in range(vcpus)], timers, irqchip, clock)
    run.begin(None)
    return run


STOP = Outcome(kind="stopped", words="stop")


def test_the_first_verdict_wins_and_all_vcpus_are_told(clock):
    run, first = make(clock, 3), Outcome(kind="shutdown", words="first")
    run.end(first)
    run.end(Outcome(kind="reset", words="late"))
    run.end(STOP)
    assert run.outcome is first
    assert not run.is_running
    assert all(True in vcpu.kicks for vcpu in run.vcpus)


def test_a_pause_gives_way_to_the_guest_s_own_end(clock):
    run, end = make(clock), Outcome(kind="debug-exit", words="the guest's", value=7)
    run.end(STOP)
    run.end(Outcome(kind="deadline", words="late"))
    assert run.outcome is STOP
    run.end(end)
    run.end(Outcome(kind="reset", words="later"))
    assert run.outcome is end


def test_of_many_verdicts_at_once_one_stays(clock):
    for _ in range(50):
        run, barrier, seen = make(clock), threading.Barrier(4), []

        def work(number, run=run, barrier=barrier, seen=seen):
            barrier.wait()
            run.end(Outcome(kind="stopped", words=str(number)))
            seen.append(run.outcome)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {verdict.words for verdict in seen} == {run.outcome.words}


def test_a_new_run_forgets_the_old_verdict(clock):
    run = make(clock)
    run.end(STOP)
    run.begin(None)
    assert run.is_running
    assert run.outcome is None
    run.end(Outcome(kind="reset", words="new"))
    assert run.outcome.kind == "reset"


def test_jobs_are_done_in_order_and_wait_while_the_run_is_over(clock):
    run, done = make(clock), []
    for number in range(3):
        run.post(lambda number=number: done.append(number))
    assert run.vcpus[0].kicks == [False] * 3
    run.do_due()
    assert done == [0, 1, 2]
    run.post(lambda: run.end(STOP))
    run.post(lambda: done.append("later"))
    run.do_due()
    assert done == [0, 1, 2]
    run.begin(None)
    run.do_due()
    assert done[-1] == "later"


def test_a_job_may_post_another(clock):
    run, done = make(clock), []
    run.post(lambda: run.post(lambda: done.append("second")))
    run.do_due()
    assert done == ["second"]


def test_the_next_moment_is_the_earlier_of_alarm_and_deadline(clock):
    run = make(clock)
    assert run.do_due() == 0
    alarm = run.timers.alarm(lambda: None)
    alarm.set(500)
    assert run.do_due() == 1_500
    run.begin(1_200)
    assert run.do_due() == 1_200
    alarm.set(100)
    assert run.do_due() == 1_100


def test_the_deadline_ends_the_run_when_it_has_come(clock):
    run = make(clock)
    run.begin(2_000)
    run.do_due()
    assert run.is_running
    clock.ns = 2_000
    run.do_due()
    assert run.outcome.kind == "deadline"


def test_an_alarm_set_earlier_wakes_the_first_vcpu_unless_it_is_looking_anyway(clock):
    run = make(clock, 2)
    alarm = run.timers.alarm(lambda: run.timers.alarm(lambda: None).set(50))
    alarm.set(100)
    assert run.vcpus[0].kicks == [False]
    clock.ns += 100
    run.do_due()
    assert run.vcpus[0].kicks == [False]
    assert run.vcpus[1].kicks == []


def test_after_a_job_that_failed_alarms_wake_as_before(clock):
    run = make(clock)

    def fail():
        raise ValueError

    run.post(fail)
    with pytest.raises(ValueError):
        run.do_due()
    run.vcpus[0].kicks.clear()
    run.timers.alarm(lambda: None).set(10)
    assert run.vcpus[0].kicks == [False]


def test_the_run_ends_when_all_vcpus_sleep_for_good(clock):
    run = make(clock, 2, "none")
    run.sleeps_for_good(0, True)
    run.sleeps_for_good(0, False)
    run.sleeps_for_good(1, True)
    assert run.is_running
    run.sleeps_for_good(0, True, interrupts=True)
    assert str(run.outcome) == "halted: the guest halted with interrupts on, but nothing here can send one"


def test_with_controllers_in_the_kernel_sleep_is_asked_for_twice(clock):
    run = make(clock, 2, "kernel")
    run.sleeps_for_good(1, True)
    run.sleeps_for_good(0, True)
    assert run.is_running, "the first may have woken the second meanwhile"
    run.sleeps_for_good(1, False)
    run.sleeps_for_good(1, True)
    assert run.is_running
    run.sleeps_for_good(0, True)
    assert run.outcome.kind == "halted"


def test_one_vcpu_with_controllers_in_the_kernel_needs_no_second_look(clock):
    run = make(clock, 1, "kernel")
    run.sleeps_for_good(0, True)
    assert run.outcome.words == "the guest halted with interrupts off, for good"
