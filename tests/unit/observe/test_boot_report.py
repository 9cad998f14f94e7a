"""A boot trace as text of 80 columns."""

from __future__ import annotations

from vmm.observe.boot_report import render
from vmm.observe.boot_trace import VMM, BootTrace, Listener, Mark
from vmm.observe.exits import ExitCount
from vmm.observe.statistics import ExitStatistics

MS = 1_000_000


def exits(*entries: tuple[str, str, int, int]) -> ExitStatistics:
    return ExitStatistics(
        ExitCount(vcpu=0, reason="io", direction="out", address=address, size=1, count=count, elements=count,
                  guest_ns=0, handler_ns=count * 1000, handler_max_ns=1000, histogram=(count,), device=device)
        for device, _, address, count in entries
    )  # fmt: skip


def trace() -> BootTrace:
    listener = Listener()
    listener.hear(b"[    0.000000] Linux version 6.1\n[    0.400000] i8042: " + b"long " * 50 + b"\n", 500 * MS)
    listener.hear(b"hello\n", 600 * MS)
    marks = [Mark(at_ns=40 * MS, who=VMM, what="Python, imports, the request")]
    statistics = exits(("com1", "", 0x3F8, 3000), ("i8042", "", 0x64, 25), ("", "", 0xCF8, 41))
    return BootTrace(marks, listener, [(at * 50 * MS, at * at * 10) for at in range(13)], statistics)


def test_every_line_fits() -> None:
    assert all(len(line) <= 80 for line in render(trace()).split("\n"))


def test_it_says_how_long_and_where() -> None:
    text = render(trace())
    assert text.startswith("Boot: 600ms from the start of the process")
    for words in ("Python, imports", "the kernel begins", "the keyboard controller is probed", "the serial console",
                  "the keyboard controller's probe", "a probe for what is not there"):  # fmt: skip
        assert words in text
    assert "400ms" in text  # the pause


def test_a_silent_kernel_gets_a_word_of_advice() -> None:
    silent = BootTrace([Mark(at_ns=1, who=VMM, what="imports")], Listener())
    assert 'no "quiet"' in render(silent)
