"""A boot's phases out of what the kernel prints, on a host's clock; pauses, rates, JSON."""

from __future__ import annotations

import json

from vmm.observe.boot_trace import INIT, KERNEL, VMM, BootTrace, Listener, Mark

MS = 1_000_000
LOG = [
    (120, 0, "Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)"),
    (121, 10, "Memory: 212912K/261752K available"),
    (180, 60, "smp: Brought up 1 node, 1 CPU"),
    (260, 150, "Trying to unpack rootfs image as initramfs..."),
    (300, 160, "Freeing initrd memory: 1980K"),
    (400, 290, "Run /init as init process"),
]


def listener(log=LOG, after=b"hello\r\n", at=450) -> Listener:
    found = Listener()
    for arrived, kernel, text in log:
        found.hear(f"[    {kernel // 1000}.{kernel % 1000:03}000] {text}\r\n".encode(), arrived * MS)
    if after:
        found.hear(after, at * MS)
    return found


def test_the_kernels_clock_is_set_by_the_line_that_came_soonest() -> None:
    trace = BootTrace([], listener(after=b""))
    assert trace.offset_ns == 110 * MS  # 121 - 10, 120 - 0, 260 - 150 ...
    assert trace.marks[-1] == Mark(at_ns=400 * MS, who=KERNEL, what="init starts")


def test_phases_are_in_order_and_add_up() -> None:
    trace = BootTrace(
        [Mark(at_ns=30 * MS, who=VMM, what="imports"), Mark(at_ns=80 * MS, who=VMM, what="KVM")], listener()
    )
    assert [mark.who for mark, _ in trace.phases()] == [VMM, VMM, *[KERNEL] * 6, INIT]
    assert trace.phases()[2] == (Mark(at_ns=110 * MS, who=KERNEL, what="the kernel begins"), 30 * MS)
    assert sum(took for _, took in trace.phases()) == trace.end_ns == 450 * MS


def test_a_landmark_counts_once() -> None:
    trace = BootTrace([], listener([(10, 5, "i8042: PNP"), (20, 15, "i8042: Probing ports directly.")], b""))
    assert [mark.at_ns for mark in trace.marks] == [10 * MS]


def test_the_longest_pauses_name_the_line_that_ended_them() -> None:
    pauses = BootTrace([], listener()).pauses(2)
    assert [(pause // MS, line.text[:4]) for pause, line in pauses] == [(130, "Run "), (90, "Tryi")]


def test_lines_may_come_in_any_pieces_and_with_colours_of_other_programs_between() -> None:
    whole = b"[    0.000001] Linux version 6\r\n[    1.500000] Run /init as init process\n"
    pieces = Listener()
    for at in range(len(whole)):
        pieces.hear(whole[at : at + 1], at)
    assert [(line.kernel_ns, line.text) for line in pieces.lines] == [
        (1000, "Linux version 6"), (1_500_000_000, "Run /init as init process"),
    ]  # fmt: skip
    assert pieces.first_other is None


def test_an_endless_line_is_not_kept() -> None:
    found = Listener()
    for _ in range(1000):
        found.hear(b"x" * 1000, 1)
    found.hear(b"\n", 2)
    assert found.first_other == 2
    assert found.lines == []


def test_rates_are_of_equal_stretches() -> None:
    trace = BootTrace([], Listener(), [(at * 50 * MS, at * 100) for at in range(25)])
    assert len(trace.rates()) == 12
    assert {rate for _, _, rate in trace.rates()} == {2000}
    assert BootTrace([], Listener(), [(0, 0)]).rates() == []


def test_a_silent_kernel_leaves_our_marks_and_the_first_words() -> None:
    trace = BootTrace([Mark(at_ns=5, who=VMM, what="imports")], listener([], b"ready\n", 7))
    assert [(mark.who, mark.at_ns) for mark in trace.marks] == [(VMM, 5), (INIT, 7 * MS)]


def test_it_can_be_written_as_json() -> None:
    document = json.loads(json.dumps(BootTrace([], listener(), [(0, 1), (MS, 5)]).as_json()))
    assert (document["schema"], document["version"]) == ("vmm.boot-trace", 1)
    assert document["marks"][0] == {
        "at_ns": 110 * MS,
        "who": "kernel",
        "what": "the kernel begins",
        "took_ns": 110 * MS,
    }
    assert len(document["lines"]) == len(LOG)
