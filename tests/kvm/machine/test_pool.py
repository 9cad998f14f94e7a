"""A pool of children: each piece of work meets a machine that is what the master was."""

from __future__ import annotations

import threading

import pytest

from vmm import Pool, StateError

DOUBLE = """
    movw 0x3000, %ax
    addw 0x3002, %ax
    movw %ax, 0x3002
    out %al, $0xf4
"""


def double(child, number: int) -> int:
    assert child.memory.read_int(0x3002, 2) == 100
    child.memory.write_int(0x3000, 2, number)
    child.run(deadline=5.0)
    return child.memory.read_int(0x3002, 2)


@pytest.fixture
def master(guest):
    machine = guest(DOUBLE)
    machine.memory.write_int(0x3002, 2, 100)
    return machine


def test_each_work_gets_a_fresh_child(master):
    with Pool(master, size=3) as pool:
        assert list(pool.map(double, range(60))) == [100 + number for number in range(60)]
    assert master.memory.read_int(0x3002, 2) == 100


def test_what_fails_costs_one_future_and_a_closed_child_is_made_anew(master):
    def fail(child) -> None:
        child.memory.write_int(0x3002, 2, 7)
        raise KeyError("mine")

    with Pool(master, size=1) as pool:
        future = pool.submit(fail)
        with pytest.raises(KeyError, match="mine"):
            future.result()
        assert pool.submit(lambda child: child.close()).result() is None
        assert pool.submit(double, 3).result() == 103


def test_a_child_left_running_is_stopped(guest):
    spinning = guest("incw 0x3000 \n 1: jmp 1b")

    def leave(child) -> int:
        seen = child.memory.read_int(0x3000, 2)
        child.start()
        return seen

    with Pool(spinning, size=1) as pool:
        assert [pool.submit(leave).result() for _ in range(3)] == [0, 0, 0]


def test_the_master_goes_on_and_the_pool_keeps_what_it_was(master):
    with Pool(master, size=2) as pool:
        master.memory.write_int(0x3000, 2, 1)
        assert master.run(deadline=5.0).value == 101
        master.close()
        assert pool.submit(double, 5).result() == 105


def test_shutdown_without_waiting_lets_the_rest_be_done(master):
    held = threading.Event()
    pool = Pool(master, size=1)
    first = pool.submit(lambda child: held.wait(10))
    second = pool.submit(double, 4)
    pool.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(double, 1)
    held.set()
    assert first.result(10)
    assert second.result(10) == 104


def test_a_closed_machine_has_no_pool(master):
    master.close()
    with pytest.raises(StateError):
        Pool(master)
