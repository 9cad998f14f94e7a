"""A machine that stands still for a moment: the run goes on behind it, and no end is lost to it."""

from __future__ import annotations

import threading
import time

import pytest

from vmm import StateError

COUNT = "xor %eax, %eax \n 1: incl 0x3000 \n cmpl $0, 0x3010 \n je 1b \n mov $0x11, %al \n out %al, $0xf4"
SIPI_FREE = {"user": 2, "kernel": 1}


def grown(machine, soon) -> bool:
    before = machine.memory.read_int(0x3000, 4)
    return soon(lambda: machine.memory.read_int(0x3000, 4) > before)


@pytest.mark.parametrize("irqchip", ["user", "kernel"])
@pytest.mark.parametrize("how", ["run", "start", "start and wait"])
def test_a_job_finds_the_machine_still_and_the_run_goes_on(guest, soon, how, irqchip):
    machine = guest(COUNT, irqchip=irqchip, vcpus=SIPI_FREE[irqchip])
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(machine.run() if how == "run" else machine.wait()))
    if how != "run":
        machine.start()
    if how != "start":
        thread.start()
    assert soon(lambda: machine.memory.read_int(0x3000, 4) > 0)
    for _ in range(5):
        states = machine.still(lambda: (machine.state, machine.registers()["rip"], machine.memory.read_int(0x3000, 4)))
        assert states[0] == "paused"
        assert grown(machine, soon)
    machine.memory.write_int(0x3010, 4, 1)
    if how == "start":
        thread.start()
    thread.join(20)
    assert [str(outcome.value) for outcome in outcomes] == ["17"]


def test_moments_in_quick_succession_lose_no_end(guest):
    for _ in range(10):
        machine = guest("mov $2000, %cx \n 1: in $0x50, %al \n loop 1b \n mov $7, %al \n out %al, $0xf4")
        machine.start()
        for _ in range(20):  # each may come before the first instruction: for ever would be for ever
            machine.still(lambda: None)
        assert machine.wait().value == 7


def test_a_stop_during_a_moment_ends_the_run(guest):
    machine = guest(COUNT)
    machine.start()
    machine.still(lambda: machine.stop("enough"))
    assert machine.wait(5.0).words == "enough"


def test_a_deadline_waits_as_long_as_the_moment_lasts(guest):
    machine = guest(COUNT)
    machine.start(deadline=0.3)
    began = time.monotonic()
    machine.still(lambda: time.sleep(0.5))
    assert machine.wait().kind == "deadline"
    assert time.monotonic() - began >= 0.75


def test_what_the_job_raises_is_the_caller_s(guest, soon):
    machine = guest(COUNT)
    machine.start()
    with pytest.raises(ZeroDivisionError):
        machine.still(lambda: 1 // 0)
    assert grown(machine, soon)


def test_a_job_may_ask_for_stillness_itself(guest, tmp_path):
    machine = guest(COUNT)
    machine.start()
    assert machine.still(lambda: machine.still(lambda: machine.state)) == "paused"
    assert machine.still(lambda: machine.snapshot(str(tmp_path / "a.snap")))


def test_a_machine_that_does_not_run_is_still_anyway(guest):
    machine = guest(COUNT)
    assert machine.still(lambda: machine.state) == "created"


def test_a_machine_cannot_wait_for_itself(guest):
    machine = guest(COUNT)
    refused = []

    def ask() -> None:
        try:
            machine.still(lambda: None)
        except StateError as error:
            refused.append(str(error))
        machine.stop()

    machine.post(ask)
    machine.run()
    assert "this very thread" in refused[0]
