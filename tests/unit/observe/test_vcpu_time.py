from __future__ import annotations

import pytest

from vmm.observe.vcpu_time import CLOCK, EXACT, VcpuTime, added, divided

LONG = VcpuTime(run_ns=1_000_000_000, device_ns=7, dispatch_ns=5, setup_ns=3, asleep_ns=2)
SECOND = 1_000_000_000


def test_the_parts_add_up_to_what_was_spent() -> None:
    for time in (LONG, divided(LONG, {"halt_wait_ns": 600}, (SECOND, 400_000_000), "SVM")):
        assert sum(spent for _, spent in time.parts()) == time.spent_ns == SECOND + 17


def test_the_clock_divides_a_long_run() -> None:
    time = divided(LONG, {"halt_wait_ns": 300_000_000, "halt_poll_fail_ns": 1}, (SECOND, 400_000_000), "VMX")
    assert (time.source, time.guest_ns, time.halted_ns, time.kernel_ns) == (
        CLOCK,
        400_000_000,
        300_000_001,
        299_999_999,
    )
    assert dict(time.parts())["asleep"] == 300_000_003


def test_a_clock_that_watched_a_part_is_taken_for_the_whole() -> None:
    assert divided(LONG, {}, (SECOND // 2, SECOND // 4), "VMX").guest_ns == SECOND // 2


@pytest.mark.parametrize(
    ("counters", "clock", "host", "words"),
    [
        ({}, (0, 0), "SVM", "too short"),
        ({"halt_wait_ns": 999_000_000}, (SECOND, 0), "SVM", "too short"),
        ({}, (SECOND, 0), "SVM", "does not tell"),
    ],
)
def test_where_the_clock_says_nothing_nothing_is_said(counters, clock, host, words) -> None:
    time = divided(LONG, counters, clock, host)
    assert (time.guest_ns, time.kernel_ns, time.source) == (None, None, "")
    assert words in time.why
    assert time.parts()[0] == ("guest+kernel", SECOND - time.halted_ns)


def test_on_pvm_no_time_in_guest_mode_is_an_answer() -> None:
    time = divided(LONG, {}, (SECOND, 0), "PVM")
    assert (time.guest_ns, time.kernel_ns) == (0, SECOND)


def test_tracepoints_win_over_the_clock() -> None:
    time = divided(LONG, {}, (SECOND, 400_000_000), "SVM", traced_ns=123)
    assert (time.source, time.guest_ns) == (EXACT, 123)


def test_vcpus_add_up_and_one_that_is_not_known_makes_the_sum_unknown() -> None:
    known = LONG.replace(guest_ns=10, source=EXACT)
    assert added([known, known]).guest_ns == 20
    assert added([known, known.replace(guest_ns=5, source=CLOCK)]).source == CLOCK
    assert added([known, LONG.replace(why="because")]).why == "because"
    assert added([known, VcpuTime(vcpu=1)]).guest_ns == 10, "a vCPU that never ran hides nothing"


def test_it_survives_json() -> None:
    for time in (LONG, LONG.replace(guest_ns=1, source=CLOCK, vcpu=3)):
        assert VcpuTime.from_json(time.as_json()) == time
    with pytest.raises(TypeError):
        VcpuTime.from_json({**LONG.as_json(), "run_ns": "many"})
