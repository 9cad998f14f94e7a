"""The debug console port: bytes out, a constant in."""

from __future__ import annotations

from vmm.devices.debug_console import DebugConsole


def test_what_is_written_is_put_out_byte_by_byte() -> None:
    sent = bytearray()
    console = DebugConsole(sent.extend)
    for value in b"ok\n":
        console.write(0, 1, value)
    assert sent == b"ok\n"


def test_a_read_gives_the_constant_that_marks_the_port() -> None:
    assert DebugConsole(print).read(0, 1) == 0xE9
    assert DebugConsole(print, readback=0x42).read(0, 1) == 0x42
    assert DebugConsole(print).read(0, 2) == 0xFFE9
    assert DebugConsole(print).read(1, 1) == 0xFF


def test_only_the_lowest_byte_of_a_wide_write_meets_the_port() -> None:
    sent = bytearray()
    console = DebugConsole(sent.extend)
    console.write(0, 4, 0x44434241)
    console.write(1, 1, 0x58)
    assert sent == b"A"


def test_a_ring_handed_over_is_put_out_in_one_piece() -> None:
    pieces: list[bytes] = []
    console = DebugConsole(pieces.append)
    console.transmit(b"")
    console.transmit(b"many bytes")
    assert pieces == [b"many bytes"]


def test_the_run_step_may_always_answer_as_the_port_would() -> None:
    console = DebugConsole(print, readback=0x55)
    assert console.quiet_reads() == ((0, console.read(0, 1)),)
    assert console.quiet_ring_offset() == 0
