"""machine.watch_hidden(): the exits of a guest whose source says how many there are, to the last one.

Needs a host that lets us see KVM's tracepoints, and for most a processor that makes the exits (scripts/test --lab).
"""

from __future__ import annotations

import pytest

from vmm import HostError, Machine
from vmm.control.guest_run import config_of
from vmm.engine import kvm_host
from vmm.observe.functions import by_function

HARDWARE = pytest.mark.skipif(
    kvm_host.kind() not in ("vmx", "svm"), reason="no VMX or SVM here makes exits; scripts/test --lab has"
)


@pytest.fixture
def known():
    """The guest known-exits, watched."""
    with Machine(config_of("known-exits")) as machine:
        watch(machine)
        yield machine


def watch(machine: Machine) -> None:
    try:
        machine.watch_hidden()
    except HostError as error:
        pytest.skip(str(error))


def counts(hidden) -> dict[str, tuple[int, int]]:
    return {one.reason: (one.count, one.hidden) for one in hidden.by_reason()}


@HARDWARE
def test_every_exit_is_counted_by_the_processors_reason(known):
    assert known.run(deadline=10.0).value == 5
    found, exits = counts(known.exits.hidden), known.exits
    assert found["cpuid"] == (100, 100)
    assert found["hlt"] == (5, 5)
    if "msr" in found:
        assert found["msr"] == (50, 50)
        assert found["ioio"] == (13 + 5 + 7 + 1, 13 + 5)
    else:
        assert (found["msr_read"], found["msr_write"]) == ((30, 30), (20, 20))
        assert found["io_instruction"] == (13 + 5 + 7 + 1, 13 + 5)
    assert exits.hidden.lost == 0
    assert exits.hidden.total == sum(count for count, _ in found.values())
    (kernel,) = exits.kernel.vcpus.values()
    assert exits.hidden.total == kernel["exits"], "KVM's own counter agrees"
    assert exits.hidden.total - exits.hidden.hidden == exits["io"].count
    for one in exits.hidden.exits:
        assert sum(one.histogram) == one.count
        assert sum(count for _, count, _ in one.rips) == one.count


@HARDWARE
def test_they_are_the_functions_that_made_them(known):
    known.run(deadline=10.0)
    exits = known.exits
    rows = {one.function: dict(one.reasons) for one in exits.hidden.by_function(exits.program())}
    assert rows["ask_cpuid"]["cpuid"] == 100
    assert sum(count for reason, count in rows["touch_msrs"].items() if reason.startswith("msr")) == 50
    assert rows["sleep"]["hlt"] == 5
    assert rows["start_timer"].get("ioio", rows["start_timer"].get("io_instruction")) == 13
    assert "speak" not in rows or not {"ioio", "io_instruction"} & rows["speak"].keys(), "these came to the VMM"
    assert sum(sum(of.values()) for of in rows.values()) == exits.hidden.hidden
    assert {one.function for one in by_function(exits.exits, exits.program())} >= {"speak", "_start"}


@HARDWARE
def test_guest_and_kernel_are_told_apart_and_add_up(known):
    known.run(deadline=10.0)
    (time,) = known.exits.times
    assert time.source == "tracepoints"
    assert 0 < time.guest_ns < time.run_ns
    assert time.guest_ns + time.kernel_ns + time.halted_ns == time.run_ns
    hlt = next(one for one in known.exits.hidden.exits if one.reason == "hlt")
    assert 0.8 < hlt.asleep_ns / time.halted_ns < 1.2


def test_what_they_were_about_is_known_with_every_kvm(known):
    known.run(deadline=10.0)
    hidden = known.exits.hidden
    assert [(one.key, one.count) for one in hidden.cpuid] == [(0, 100)]
    assert {(one.name, one.direction): one.count for one in hidden.msrs} == {
        ("IA32_MCG_STATUS", "read"): 30,
        ("IA32_MCG_STATUS", "write"): 20,
    }
    document = known.exits.as_json()
    assert type(known.exits).from_json(document).as_json() == document


@HARDWARE
def test_each_vcpu_has_its_own(guest):
    """The first asks 3 times, the second 6, by the number in EBX."""
    machine = guest("lea 1(%bx), %si \n imul $3, %si \n 1: cpuid \n dec %si \n jnz 1b \n cli \n hlt".replace(
        "1: cpuid", "1: push %bx \n cpuid \n pop %bx"), vcpus=2, irqchip="none")  # fmt: skip
    watch(machine)
    machine.run(deadline=10.0)
    hidden = machine.exits.hidden
    assert [counts(hidden.of_vcpu(vcpu))["cpuid"] for vcpu in (0, 1)] == [(3, 3), (6, 6)]
    assert counts(hidden)["cpuid"] == (9, 9)


@HARDWARE
def test_runs_add_up_and_records_in_plenty_are_neither_lost_nor_kept(guest):
    machine = guest("1: cpuid \n jmp 1b")
    watch(machine)
    for _ in range(3):
        machine.run(deadline=0.5)
    exits = machine.exits
    (kernel,) = exits.kernel.vcpus.values()
    assert exits.hidden.lost == 0
    assert exits.hidden.total == kernel["exits"]
    assert counts(exits.hidden)["cpuid"][0] > 1000
