"""Fds, mappings and threads are given back: after normal ends, after failures, after exceptions."""

from __future__ import annotations

import contextlib
import gc
import os
import threading

import pytest

from vmm import BootError, ConfigError, Machine, VmmError

HELLO = b"\xba\xf8\x03\xb0\x48\xee\xf4"
SPIN = b"\xeb\xfe"


def holdings() -> tuple[int, int, int]:
    gc.collect()
    with open("/proc/self/maps", encoding="ascii", errors="replace") as file:
        maps = sum(1 for line in file if "[heap]" not in line)
    return len(os.listdir("/proc/self/fd")), maps, threading.active_count()


@pytest.fixture
def nothing_leaks():
    """check(times, work): does the work twice to warm up, then `times` times, and compares what the process holds."""

    def check(times: int, work) -> None:
        for _ in range(3):
            work()
        fds, maps, threads = holdings()
        for _ in range(times):
            work()
        after = holdings()
        assert after[0] == fds
        assert after[1] <= maps + times // 2, "a thread's malloc arena may come; a leak would show once a machine"
        assert after[2] == threads

    return check


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split", "none"])
def test_thirty_machines_leave_nothing(nothing_leaks, irqchip):
    def work():
        with Machine(image=HELLO, irqchip=irqchip, format="flat") as machine:
            assert machine.run(deadline=5.0).kind == "halted"
            machine.registers()
            assert machine.exits.kernel is not None

    nothing_leaks(30, work)


def test_machines_with_threads_leave_nothing(nothing_leaks):
    def work():
        with Machine(image=SPIN, vcpus=3, irqchip="none", format="flat", mode="protected") as machine:
            machine.start()
            machine.stop()
            machine.wait(5)
            machine.run(deadline=0.001)

    nothing_leaks(20, work)


def test_machines_closed_while_they_run_leave_nothing(nothing_leaks):
    def work():
        machine = Machine(image=SPIN, format="flat")
        machine.start()
        machine.close()
        machine.close()

    nothing_leaks(20, work)


def test_machines_that_never_ran_leave_nothing(nothing_leaks):
    nothing_leaks(20, lambda: Machine(image=SPIN, format="flat").close())


def test_statistics_read_during_a_run_leave_nothing(nothing_leaks):
    with Machine(image=SPIN, format="flat") as machine:
        machine.start()
        nothing_leaks(10, lambda: machine.exits)
        machine.stop()
        machine.wait(5)


def test_many_runs_of_one_machine_hold_nothing_more(nothing_leaks):
    with Machine(image=SPIN, format="flat") as machine:
        nothing_leaks(50, lambda: machine.run(deadline=0.0005))


FAILURES = {
    "no such file": ({"image": "/nonexistent/guest.bin"}, ConfigError, "/nonexistent/guest.bin: No such file"),
    "a directory": ({"image": "/"}, ConfigError, "cannot read /"),
    "too large": (
        {"image": bytes(2 << 20), "memory": 1 << 20, "format": "flat"},
        BootError,
        "which is not all guest RAM",
    ),
    "no image": ({"image": b""}, ConfigError, "image: a path or bytes is needed"),
    "text": ({"image": b"#!/bin/sh\necho hello\n"}, BootError, "found a"),
    "odd memory": ({"image": HELLO, "memory": 12345}, ConfigError, "memory: whole pages"),
    "no memory": ({"image": HELLO, "memory": 0}, ConfigError, "memory: a guest needs some"),
    "memory text": ({"image": HELLO, "memory": "lots"}, ConfigError, "memory: 'lots' is not a size"),
    "unknown feature": ({"image": HELLO, "cpu": "host,+warp"}, ConfigError, "warp"),
    "unknown template": ({"image": HELLO, "cpu": "z80"}, ConfigError, "z80"),
    "unknown mode": ({"image": HELLO, "mode": "relly"}, ConfigError, "mode: 'relly' is not one of .*did you mean real"),
    "unknown irqchip": ({"image": HELLO, "irqchip": "kernle"}, ConfigError, "did you mean kernel"),
    "unknown field": (
        {"image": HELLO, "memroy": 1},
        ConfigError,
        "memroy: there is no such field, did you mean memory",
    ),
    "too many vcpus": ({"image": HELLO, "vcpus": 65}, ConfigError, "vcpus: from 1 to 64"),
    "no room for tables": (
        {"image": HELLO, "mode": "long", "load": 0, "memory": 8192, "format": "flat"},
        ConfigError,
        "no room",
    ),
    "entry outside": ({"image": HELLO, "entry": 0x5000, "format": "flat"}, BootError, "lies outside what is loaded"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_request_that_fails_says_why_and_leaves_nothing(nothing_leaks, name):
    fields, kind, words = FAILURES[name]

    def work():
        with pytest.raises(kind, match=words) as caught:
            Machine(**fields)
        assert isinstance(caught.value, VmmError)
        assert "\n" not in str(caught.value)

    nothing_leaks(10, work)


def test_a_port_claimed_twice_names_both(nothing_leaks):
    def work():
        with Machine(image=HELLO, format="flat") as machine:
            with pytest.raises(
                ConfigError, match=r"io 0x3fc: .* asks for \[0x3fc, 0x404\), but com1 holds \[0x3f8, 0x400\)"
            ):
                machine.ports.claim(0x3FC, 8, machine.device("com2"))
            assert machine.run(deadline=5.0).kind == "halted"

    nothing_leaks(10, work)


def test_several_breaches_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        Machine(image=b"", memory=5, vcpus=0, mode="x")
    assert {path for path, _ in caught.value.breaches} == {"image", "memory", "vcpus", "mode"}


def test_an_exception_inside_the_with_block_leaves_nothing(nothing_leaks):
    def work():
        with contextlib.suppress(ZeroDivisionError), Machine(image=SPIN, format="flat") as machine:
            machine.start()
            machine.post(lambda: None)
            raise ZeroDivisionError

    nothing_leaks(10, work)
