"""The PIT's interrupt: on time while the guest sleeps, while it spins, and while it makes exits."""

from __future__ import annotations

import time

import pytest
from in_motion import PERIOD, tick

TICKS = 20
WAITS = {
    "asleep": "hlt",
    "spinning": "",
    "with exits": "in $0x50, %al",
    "with quiet exits": "mov $0x3fd, %dx \n in (%dx), %al",
    "writing": "mov $0x3f8, %dx \n mov $0x2e, %al \n out %al, (%dx)",
}


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
@pytest.mark.parametrize("how", WAITS)
def test_ticks_arrive_on_time(guest, patience, how, irqchip):
    machine = guest(tick(TICKS, WAITS[how]), irqchip=irqchip)
    started = time.monotonic()
    outcome = machine.run(deadline=20.0)
    took = time.monotonic() - started
    assert outcome.kind == "debug-exit"
    late = 1 if patience == 1 else 4  # between the guest's comparison and its cli; on a slow host the PIT catches up
    assert outcome.value in range(TICKS, TICKS + late + 1)
    assert took >= (TICKS - 1) * PERIOD * 0.9
    assert took < TICKS * PERIOD + 0.1 * patience


def test_a_guest_asleep_costs_next_to_no_host_time(guest, patience):
    machine = guest(tick(TICKS, "hlt"))
    before = time.process_time()
    machine.run(deadline=20.0)
    assert time.process_time() - before < 0.5 * TICKS * PERIOD * patience


def test_ticks_go_on_after_a_pause_without_a_burst(guest):
    machine = guest(tick(TICKS, "hlt"))
    machine.run(deadline=0.3 * TICKS * PERIOD)
    seen = machine.memory.read_int(0x3000, 2)
    assert 0 < seen < TICKS
    time.sleep(2 * TICKS * PERIOD)
    started = time.monotonic()
    assert machine.run(deadline=20.0).value == TICKS
    assert time.monotonic() - started > 0.4 * (TICKS - seen) * PERIOD


def test_an_interrupt_waits_until_the_guest_allows_it(guest):
    text = tick(TICKS, "cli \n 9: mov $50000, %cx \n 8: loop 8b \n incw 0x3002 \n cmpw $10, 0x3002 \n jb 9b \n"
                                "cmpw $0, 0x3000 \n jne fail \n sti \n 7: cmpw $0, 0x3000 \n je 7b \n"
                                "mov $0x77, %al \n out %al, $0xf4 \n fail: mov $1, %al \n out %al, $0xf4")  # fmt: skip
    machine = guest(text.replace("    sti\nwait", "wait"))
    assert machine.run(deadline=20.0).value == 0x77
