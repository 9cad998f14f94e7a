from __future__ import annotations

from vmm.observe.exits import ExitCount
from vmm.observe.kernel_stats import Comparison, KernelCounters, compare, difference


def exits(reason: str, count: int) -> ExitCount:
    return ExitCount(
        vcpu=0, reason=reason, count=count, elements=count, guest_ns=0, handler_ns=0, handler_max_ns=0, histogram=()
    )


def remarks(ours: list[ExitCount], host: str = "", **counters: int) -> dict[str, str]:
    kernel = KernelCounters(vm={}, vcpus={0: counters}, host=host)
    return {entry.name: entry.remark for entry in compare(kernel, ours)}


def test_a_difference_counts_what_came_between_two_snapshots() -> None:
    before: dict[str, int | list[int]] = {"exits": 10, "hist": [1, 0], "pages_4k": 7}
    after: dict[str, int | list[int]] = {"exits": 25, "hist": [4, 2], "pages_4k": 5, "halt_exits": 3}
    assert difference(before, after) == {"exits": 15, "hist": [3, 2], "pages_4k": 5, "halt_exits": 3}


def test_vcpus_add_up_by_name() -> None:
    kernel = KernelCounters(vm={}, vcpus={0: {"exits": 1, "hist": [1]}, 1: {"exits": 2, "hist": [1, 5]}})
    assert kernel.sum() == {"exits": 3, "hist": [2, 5]}
    assert KernelCounters.from_json(kernel.as_json()) == kernel


def test_counters_stand_beside_ours_and_zeros_are_left_out() -> None:
    kernel = KernelCounters(vm={}, vcpus={0: {"exits": 5, "halt_exits": 5, "mmio_exits": 0, "insn_emulation": 9}})
    assert compare(kernel, [exits("hlt", 5)]) == [
        Comparison(name="exits", kernel=5, ours=5),
        Comparison(name="halt_exits", kernel=5, ours=5),
        Comparison(name="insn_emulation", kernel=9),
    ]


def test_pvm_is_known_to_leave_io_exits_at_0() -> None:
    ours = [exits("io", 7)]
    words = "the kernel's io_exits is 0 on this host: PVM does not count them"
    assert remarks(ours, "PVM", exits=7, io_exits=0)["io_exits"] == words
    assert "PVM" not in remarks(ours, "SVM", exits=7, io_exits=0)["io_exits"]


def test_a_difference_is_explained() -> None:
    ours = [exits("io", 10), exits("intr", 3)]
    assert remarks(ours, exits=20, io_exits=14, halt_exits=2, signal_exits=1) == {
        "exits": "exits: 7 of 20 handled in the kernel, never seen by us",
        "io_exits": "io_exits: 4 of 14 answered in the kernel (in-kernel irqchip or PIT, ioeventfd, coalesced)",
        "halt_exits": "halt_exits: 2 of 2 waited for in the kernel (in-kernel irqchip)",
        "signal_exits": "signal_exits: 2 of 3 kicks by immediate_exit, which the kernel does not count",
    }
