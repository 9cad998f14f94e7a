"""stop(), start(), wait(), threads, and the moves that are not allowed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time

import pytest

from vmm import Machine, StateError

GUESTS = {
    "spin": "1: jmp 1b",
    "sleep": "sti \n 1: hlt \n jmp 1b",
    "port access": "1: in $0x50, %al \n jmp 1b",
    "quiet access": "mov $0x3f8, %dx \n 1: out %al, (%dx) \n jmp 1b",
}


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
@pytest.mark.parametrize("name", GUESTS)
def test_another_thread_can_stop_the_guest(guest, later, patience, name, irqchip):
    machine = guest(GUESTS[name], irqchip=irqchip, console="none")
    stopped = []
    later(0.03, lambda: (stopped.append(time.monotonic()), machine.stop("enough", 7)))
    outcome = machine.run(deadline=20.0)
    assert (outcome.kind, outcome.words, outcome.value) == ("stopped", "enough", 7)
    assert time.monotonic() - stopped[0] < 0.1 * patience


def test_a_stopped_guest_can_go_on(guest, later):
    machine = guest("1: cmpb $0, 0x3000 \n je 1b \n mov $7, %bl \n hlt")
    later(0.02, machine.stop)
    assert machine.run(deadline=20.0).kind == "stopped"
    machine.memory.write(0x3000, b"\1")
    assert machine.run(deadline=20.0).kind == "halted"
    assert machine.registers()["rbx"] == 7


def test_a_device_may_stop_the_guest_and_its_read_is_not_lost(guest):
    class Stopper:
        def read(self, offset, size):
            machine.stop()
            return 0x55

        def write(self, offset, size, value):
            pass

    machine = guest("in $0x50, %al \n mov $1, %bl \n hlt")
    machine.ports.claim(0x50, 1, Stopper())
    assert machine.run(deadline=5.0).kind == "stopped"
    registers = machine.registers()
    assert (registers["rax"] & 0xFF, registers["rbx"] & 0xFF, registers["rip"]) == (0x55, 0, 0x1002)
    assert machine.run(deadline=5.0).kind == "halted"


def test_stop_does_nothing_when_nothing_runs(guest):
    machine = guest("hlt")
    machine.stop()
    assert machine.outcome is None
    assert machine.run(deadline=5.0).kind == "halted"
    machine.stop()
    assert machine.outcome.kind == "halted"
    machine.close()
    machine.stop()


def test_what_the_host_sends_after_close_goes_nowhere(guest):
    machine = guest("hlt")
    com1 = machine.device("com1")
    machine.run(deadline=5.0)
    machine.close()
    machine.feed(b"late")
    machine.post(lambda: None)
    com1.feed(b"later")
    machine.ports.claim(0x9000, 1, com1)
    machine.close()
    with pytest.raises(StateError, match="closed"):
        machine.device("com1")


def test_run_works_on_a_thread_that_is_not_the_main_one(guest, later):
    machine = guest("mov $0x21, %al \n out %al, $0xf4")
    outcomes = []
    later(0, lambda: outcomes.append(machine.run(deadline=5.0))).join()
    assert outcomes[0].value == 0x21


def test_start_returns_at_once_and_wait_gives_the_outcome(guest):
    machine = guest("1: in $0x50, %al \n cmp $1, %al \n jne 1b \n out %al, $0xf4")
    answers = [0]

    class Gate:
        def read(self, offset, size):
            return answers[0]

        def write(self, offset, size, value):
            pass

    machine.ports.claim(0x50, 1, Gate())
    machine.start(deadline=20.0)
    assert machine.wait(0.02) is None
    assert machine.wait(0) is None
    answers[0] = 1
    outcome = machine.wait(10)
    assert (outcome.kind, outcome.value) == ("debug-exit", 1)
    assert machine.wait() == outcome
    assert machine.outcome == outcome


def test_a_started_machine_keeps_its_deadline(guest, patience):
    machine = guest("1: jmp 1b")
    started = time.monotonic()
    machine.start(deadline=0.03)
    assert machine.wait().kind == "deadline"
    assert time.monotonic() - started < 0.2 * patience
    machine.start(deadline=0.01)
    assert machine.wait(5).kind == "deadline"


def test_close_ends_a_started_machine(guest):
    machine = guest("1: jmp 1b")
    machine.start()
    machine.close()
    assert machine.outcome.words == "closed"


def test_leaving_with_ends_a_started_machine(assemble):
    before = threading.active_count()
    with Machine(image=assemble("1: jmp 1b"), format="flat") as machine:
        machine.start()
    assert machine.outcome.kind == "stopped"
    assert threading.active_count() == before


def test_posted_jobs_are_done_in_order_on_the_thread_of_the_guest(guest, soon):
    machine = guest("1: jmp 1b")
    done, threads = [], set()
    machine.post(lambda: done.append("before"))
    machine.start(deadline=20.0)
    for number in range(100):
        machine.post(lambda number=number: (done.append(number), threads.add(threading.current_thread().name)))
    assert soon(lambda: len(done) == 101)
    assert done == ["before", *range(100)]
    assert threads == {"vcpu0"}
    machine.stop()
    machine.wait(5)


def test_a_posted_job_reaches_a_guest_asleep(guest, soon):
    machine = guest("sti \n 1: hlt \n jmp 1b")
    machine.start(deadline=20.0)
    time.sleep(0.01)
    done = []
    for number in range(200):
        machine.post(lambda number=number: done.append(number))
        assert soon(lambda number=number: len(done) == number + 1)
    machine.stop()
    machine.wait(5)


def test_a_job_that_fails_ends_the_run_with_its_error(guest):
    machine = guest("1: jmp 1b")
    machine.post(lambda: {}["missing"])
    with pytest.raises(KeyError, match="missing"):
        machine.run(deadline=5.0)
    assert machine.run(deadline=0.01).kind == "deadline", "it may go on"
    machine.post(lambda: {}["missing"])
    machine.start(deadline=5.0)
    with pytest.raises(KeyError, match="missing"):
        machine.wait(5)


def test_wrong_moves_name_both_states(guest):
    machine = guest("hlt")
    with pytest.raises(StateError, match="cannot give an outcome: the machine is created"):
        machine.wait()
    machine.run(deadline=5.0)
    for move in (machine.run, machine.start):
        with pytest.raises(StateError, match="cannot run: the machine is ended"):
            move()
    machine.close()
    for move in (machine.run, machine.start, machine.registers, machine.crash_report, machine.special_registers):
        with pytest.raises(StateError, match="machine is closed"):
            move()
    with pytest.raises(StateError, match="cannot set registers: the machine is closed"):
        machine.set_registers(rax=1)


def test_what_needs_a_guest_at_rest_is_refused_while_it_runs(guest):
    machine = guest("1: jmp 1b")
    machine.start()
    for move in (machine.run, machine.start, machine.registers, machine.crash_report, machine.special_registers):
        with pytest.raises(StateError, match="machine is running"):
            move()
    with pytest.raises(StateError, match="cannot add a hook"):
        machine.on_exit(print)
    machine.stop()
    assert machine.wait(5).kind == "stopped"
    machine.registers()


def test_a_machine_may_be_started_and_stopped_many_times(guest):
    machine = guest("1: inc %eax \n jmp 1b", "protected")
    counts = []
    for _ in range(30):
        machine.start()
        machine.stop()
        assert machine.wait(5).kind == "stopped"
        counts.append(machine.registers()["rax"])
    machine.run(deadline=0.01)
    assert machine.registers()["rax"] > 0
    assert len(counts) == 30


CLOSE = """
    import sys, threading, time
    from vmm import Machine, StateError, VmmError

    machine = Machine(image=bytes.fromhex(sys.argv[2]), format="flat")
    outcomes = []

    def run():
        outcomes.append(machine.run(deadline=2.0))

    class Closer:
        def read(self, offset, size):
            try:
                machine.close()
            except VmmError:
                pass
            return 0

    if sys.argv[1] == "another thread":
        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.05)
        machine.close()
        thread.join()
        assert outcomes[0].words == "closed", outcomes
    else:
        machine.ports.claim(0x50, 1, Closer())
        machine.run(deadline=0.2)
        machine.close()
    assert machine.state == "closed", machine.state
    print("in order")
"""


@pytest.mark.parametrize(
    ("who", "name"),
    [*(("another thread", name) for name in ("spin", "port access", "sleep")), ("a device", "port access")],
)
def test_close_during_run_is_safe(assemble, patience, who, name):
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CLOSE), who, assemble(GUESTS[name]).hex()],
        capture_output=True, text=True, timeout=5 * patience, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout, run.stderr) == (0, "in order\n", "")
