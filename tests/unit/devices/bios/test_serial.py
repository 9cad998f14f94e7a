"""INT 14h over the real chip."""

from __future__ import annotations


def test_a_port_is_set_up_sends_and_receives(bios) -> None:
    frame = bios.call(0x14, 0x00E3)
    assert frame.ah & 0x60 == 0x60
    assert bios.port.read(3, 1) == 0x03
    bios.port.write(3, 1, 0x83)
    assert bios.port.read(0, 1) | bios.port.read(1, 1) << 8 == 12
    bios.port.write(3, 1, 0x03)
    for byte in b"out":
        assert not bios.call(0x14, 0x0100 | byte).ah & 0x80
    assert bytes(bios.sent) == b"out"
    bios.port.feed(b"in")
    assert bios.call(0x14, 0x0300).ah & 1
    received = [bios.call(0x14, 0x0200) for _ in range(3)]
    assert [(frame.al, frame.ah & 0x80) for frame in received] == [(0x69, 0), (0x6E, 0), (0, 0x80)]


def test_a_port_that_is_not_there_times_out(bios) -> None:
    for ax in (0x00E3, 0x0141, 0x0200, 0x0300):
        assert bios.call(0x14, ax, edx=1).ah == 0x80
        assert bios.call(0x14, ax, edx=0xFFFF).ah == 0x80
    assert bios.call(0x14, 0x0400).carry == 1
