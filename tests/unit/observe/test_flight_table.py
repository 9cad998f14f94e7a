from __future__ import annotations

from vmm.observe.exits import FlightEntry
from vmm.observe.flight_table import flight_lines


def no_symbols(address: int) -> str:
    return ""


def access(at: int, address: int, value: int, direction: str = "out", size: int = 1, vcpu: int = 0) -> FlightEntry:
    return FlightEntry(
        vcpu=vcpu, at_ns=at * 1000, reason="io", direction=direction, address=address, size=size, value=value,
        rip=0x1000 + address, device="com1",
    )  # fmt: skip


def test_equal_exits_fold_into_one_line() -> None:
    entries = [*(access(at, 0x61, 0x20, "in") for at in range(37)), FlightEntry(vcpu=0, at_ns=50_000, reason="hlt")]
    assert flight_lines(entries, no_symbols) == [
        "Last 38 exits  rip     access         value  device",
        "        -50us  0x1061  io.in.1[0x61]  0x20   com1    x 37",
        "            0  0x0     hlt",
    ]


def test_a_polling_loop_folds_into_its_turns_and_text_reads_as_text() -> None:
    entries = []
    for at, char in enumerate(b"Hi!\n"):
        entries += [access(2 * at, 0x3FD, 0x60, "in"), access(2 * at + 1, 0x3F8, char)]
    assert flight_lines(entries, lambda rip: {0x13FD: "putc", 0x13F8: "putc+0x8"}[rip]) == [
        "Last 8 exits  rip       access           value    device",
        "      -7.0us  putc      io.in.1[0x3fd]   0x60     com1    x 4 in turn",
        "      -6.0us  putc+0x8  io.out.1[0x3f8]  'Hi!\\n'  com1    x 4 in turn",
    ]


def test_different_values_of_a_run_are_named_by_the_first_and_the_last() -> None:
    lines = flight_lines([access(at, 0x40, at << 8, size=2) for at in range(9)], no_symbols)
    assert lines[1:] == ["      -8.0us  0x1040  io.out.2[0x40]  0x0 0x100 .. 0x800  com1    x 9"]


def test_several_vcpus_are_told_apart() -> None:
    lines = flight_lines([access(1, 0x80, 1), access(2, 0x80, 1, vcpu=1)], no_symbols)
    assert lines == [
        "Last 2 exits  vcpu  rip     access          value  device",
        "      -1.0us     0  0x1080  io.out.1[0x80]  0x1    com1",
        "           0     1  0x1080  io.out.1[0x80]  0x1    com1",
    ]


def test_no_exits_take_no_line() -> None:
    assert flight_lines([], no_symbols) == []
