"""INT 1Ah and waiting: ticks, the clock in BCD whatever the chip counts in, one alarm, one wait at a time."""

from __future__ import annotations

from vmm.devices.bios import ram

SECOND = 1_000_000_000


def test_ticks_start_from_the_clock(bios) -> None:
    frame = bios.call(0x1A, 0x0000)
    assert (frame.cx << 16 | frame.dx, frame.al) == (0x1800B0 // 2, 0)


def test_midnight_is_told_once(bios) -> None:
    bios.memory.write(ram.MIDNIGHT, b"\1")
    assert [bios.call(0x1A, 0x0000).al for _ in range(2)] == [1, 0]
    bios.memory.write(ram.MIDNIGHT, b"\1")
    bios.call(0x1A, 0x0100, ecx=0x12, edx=0x3456)
    frame = bios.call(0x1A, 0x0000)
    assert (frame.cx, frame.dx, frame.al) == (0x12, 0x3456, 0)


def test_time_and_date(bios) -> None:
    time, date = bios.call(0x1A, 0x0200), bios.call(0x1A, 0x0400)
    assert (time.ch, time.cl, time.dh, time.carry) == (0x12, 0, 0, 0)
    assert (date.cx, date.dx) == (0x2023, 0x1114)
    bios.call(0x1A, 0x0500, ecx=0x1999, edx=0x1231)
    bios.call(0x1A, 0x0300, ecx=0x2359, edx=0x5900)
    bios.sleep(2 * SECOND)
    time, date = bios.call(0x1A, 0x0200), bios.call(0x1A, 0x0400)
    assert (time.ch, time.cl, date.cx, date.dx) == (0, 0, 0x2000, 0x0101)


def test_a_clock_that_counts_in_binary_is_told_in_bcd(bios) -> None:
    bios.rtc.write(0, 1, 0x0B)
    bios.rtc.write(1, 1, 0x06)
    bios.call(0x1A, 0x0300, ecx=0x2145, edx=0x3000)
    frame = bios.call(0x1A, 0x0200)
    assert (frame.ch, frame.cl, frame.dh) == (0x21, 0x45, 0x30)
    bios.rtc.write(0, 1, 4)
    assert bios.rtc.read(1, 1) == 21


def test_nonsense_in_bcd_is_taken(bios) -> None:
    for ax in (0x0300, 0x0500, 0x0600):
        bios.call(0x1A, ax, ecx=0xFFFF, edx=0xFFFF)
    bios.sleep(SECOND)
    bios.call(0x1A, 0x0200)
    bios.call(0x1A, 0x0400)


def test_one_alarm_at_a_time(bios) -> None:
    assert bios.call(0x1A, 0x0600, ecx=0x1200, edx=0x0200).carry == 0
    assert bios.call(0x1A, 0x0600, ecx=0x1300).carry == 1
    bios.edges.clear()
    bios.sleep(3 * SECOND)
    assert bios.edges[:1] == [True]
    bios.call(0x1A, 0x0700)
    assert bios.call(0x1A, 0x0600, ecx=0x1300).carry == 0


def test_a_wait_ends_with_a_flag_and_an_interrupt(bios) -> None:
    assert bios.call(0x15, 0x8600, ecx=0x0001, edx=0).carry == 0  # 65.536 ms
    assert bios.memory.read_int(ram.WAIT_FLAG, 1) == 0x01
    again = bios.call(0x15, 0x8600, edx=1)
    assert (again.ah, again.carry) == (0x83, 1)
    bios.sleep(65_535_999)
    assert not bios.edges
    bios.sleep(1)
    assert bios.memory.read_int(ram.WAIT_FLAG, 1) == 0x80
    assert bios.edges == [True, False]
    assert bios.call(0x15, 0x8600, edx=1).carry == 0


def test_unknown_functions_give_carry(bios) -> None:
    assert bios.call(0x1A, 0xB101).carry == 1
