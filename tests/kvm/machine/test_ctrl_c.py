"""SIGINT at any moment ends run() with KeyboardInterrupt, never a hang, and leaves the process in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from vmm import Machine

STORM = """
    import random, signal, sys, threading, time
    from vmm import Machine

    text, irqchip, rounds = bytes.fromhex(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    random.seed(str(sys.argv))
    main = threading.main_thread().ident

    def shoot(delay):
        threading.Timer(delay, signal.pthread_kill, [main, signal.SIGINT]).start()

    machine = Machine(image=text, format="flat", memory=1 << 20, irqchip=irqchip, console="none")
    for at in range(rounds):
        late = time.monotonic()
        try:
            shoot(random.choice((0.00001, 0.0002, 0.001, 0.004)) * (0.5 + random.random()))
            machine.run(deadline=10.0)
        except KeyboardInterrupt:
            pass
        else:
            sys.exit(f"round {at}: run() ended without KeyboardInterrupt: {machine.outcome}")
        if time.monotonic() - late > 5.0:
            sys.exit(f"round {at}: hung")
        if machine.state == "running":
            print("left running")
            machine.close()
        elif machine.state == "created":
            continue
        elif at % 10 == 9:
            machine.close()
        else:
            continue
        machine = Machine(image=text, format="flat", memory=1 << 20, irqchip=irqchip, console="none")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    machine.close()
    with Machine(image=bytes.fromhex("b007e6f4"), format="flat", memory=1 << 20, irqchip=irqchip) as machine:
        assert machine.run(deadline=10.0).value == 7
    try:
        signal.raise_signal(signal.SIGINT)
        sys.exit("SIGINT is lost after the runs")
    except KeyboardInterrupt:
        print("in order")
"""

GUESTS = {"spin": "1: jmp 1b", "sleep": "sti \n 1: hlt \n jmp 1b", "port access": "1: in $0x50, %al \n jmp 1b"}


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
@pytest.mark.parametrize("name", GUESTS)
def test_ctrl_c_at_random_moments_always_ends_the_run(assemble, patience, name, irqchip):
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(STORM), assemble(GUESTS[name]).hex(), irqchip, "50"],
        capture_output=True, text=True, timeout=40 * patience, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout.split("\n")[-2:], run.stderr) == (0, ["in order", ""], "")


def test_sigint_from_another_process_ends_a_spinning_guest(assemble, patience):
    script = """
        import sys
        from vmm import Machine
        with Machine(image=bytes.fromhex(sys.argv[1]), format="flat") as machine:
            print("ready", flush=True)
            try:
                machine.run(deadline=30.0)
            except KeyboardInterrupt:
                print(machine.outcome)
    """
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), assemble("1: jmp 1b").hex()], stdout=subprocess.PIPE, text=True
    )
    with run:
        assert run.stdout.readline() == "ready\n"
        time.sleep(0.05 * patience)
        run.send_signal(signal.SIGINT)
        assert run.stdout.read() == "stopped: stopped from outside\n"
        assert run.wait(10 * patience) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_handlers_of_the_process_are_what_they_were(guest, number):
    calls = []

    def handler(number, frame):
        calls.append(number)

    before = signal.signal(number, handler)
    try:
        machine = guest("1: jmp 1b")
        machine.run(deadline=0.01)
        assert signal.getsignal(number) is handler
        os.kill(os.getpid(), number)
        time.sleep(0)
        assert calls == [number]
        machine.post(lambda: os.kill(os.getpid(), number))
        assert machine.run(deadline=0.03).kind == "deadline", "a handler that does not raise does not end the run"
        assert calls == [number] * 2
    finally:
        signal.signal(number, before)


def test_a_handler_may_stop_the_machine(guest, later):
    machine = guest("1: jmp 1b")
    before = signal.signal(signal.SIGTERM, lambda number, frame: machine.stop("told to", number))
    try:
        later(0.02, lambda: os.kill(os.getpid(), signal.SIGTERM))
        outcome = machine.run(deadline=20.0)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (outcome.kind, outcome.exit_code()) == ("stopped", 128 + 15)


def test_a_signal_that_arrives_on_another_thread_ends_the_run_too(guest, later):
    machine = guest("1: jmp 1b")
    later(0.02, lambda: signal.pthread_kill(later_thread(), signal.SIGINT))
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        machine.run(deadline=20.0)
    assert time.monotonic() - started < 10


def later_thread() -> int:
    import threading

    return threading.get_ident()


def test_an_ignored_signal_stays_ignored(guest, later):
    machine = guest("1: jmp 1b")
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        later(0.01, lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert machine.run(deadline=0.05).kind == "deadline"
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_handler_set_during_the_run_stays(guest):
    machine = guest("out %al, $0x50 \n hlt")
    before = signal.getsignal(signal.SIGTERM)

    class Setter:
        def write(self, offset, size, value):
            signal.signal(signal.SIGTERM, mine)

    def mine(number, frame):
        pass

    machine.ports.claim(0x50, 1, Setter())
    try:
        machine.run(deadline=5.0)
        assert signal.getsignal(signal.SIGTERM) is mine
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_wait_can_be_interrupted_and_the_guest_runs_on(guest, later):
    machine = guest("1: jmp 1b")
    machine.start(deadline=2.0)
    later(0.02, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        machine.wait()
    assert machine.wait(0) is None
    machine.stop()
    assert machine.wait(5).kind == "stopped"


def test_ctrl_c_inside_a_machine_that_a_device_of_another_runs_ends_both(assemble, guest, later):
    class Nested:
        def read(self, offset, size):
            with Machine(image=assemble("1: jmp 1b"), format="flat", memory=1 << 20) as inner:
                return inner.run(deadline=20.0).value

        def write(self, offset, size, value):
            pass

    outer = guest("in $0x50, %al \n 1: jmp 1b")
    outer.ports.claim(0x50, 1, Nested())
    later(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        outer.run(deadline=20.0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    later(0.02, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        outer.run(deadline=20.0)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
