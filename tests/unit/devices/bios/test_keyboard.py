"""INT 09h and 16h: scan codes to keys, the buffer and its limits, and a keyboard that is held rather than overrun."""

from __future__ import annotations

import pytest

from vmm.devices.bios import ram

SHIFT, CTRL, ALT = 0x2A, 0x1D, 0x38


def press(bench, *codes: int) -> None:
    for code in codes:
        bench.bios.scan_code.write(0, 4, code)


def take(bench, function: int = 0x00) -> int | None:
    if bench.call(0x16, 0x0100).zero:
        return None
    return bench.call(0x16, function << 8).ax


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        ((0x1E,), 0x1E61),
        ((SHIFT, 0x1E), 0x1E41),
        ((CTRL, 0x1E), 0x1E01),
        ((ALT, 0x1E), 0x1E00),
        ((0x3A, 0x1E), 0x1E41),  # caps lock
        ((0x3A, SHIFT, 0x1E), 0x1E61),
        ((0x3A, 0x02), 0x0231),
        ((SHIFT, 0x02), 0x0221),
        ((0x0C,), 0x0C2D),
        ((SHIFT, 0x0C), 0x0C5F),
        ((SHIFT, 0x28), 0x2822),
        ((0x1C,), 0x1C0D),
        ((0x0E,), 0x0E08),
        ((0x0F,), 0x0F09),
        ((SHIFT, 0x0F), 0x0F00),
        ((0x01,), 0x011B),
        ((0x39,), 0x3920),
        ((0x3B,), 0x3B00),
        ((SHIFT, 0x3B), 0x5400),
        ((CTRL, 0x3B), 0x5E00),
        ((ALT, 0x3B), 0x6800),
        ((0x57,), 0x8500),
        ((ALT, 0x02), 0x7800),
        ((0x48,), 0x4800),
        ((0x45, 0x48), 0x4838),  # num lock
        ((SHIFT, 0x48), 0x4838),
        ((0xE0, 0x48), 0x4800),
        ((CTRL, 0x2E), 0x2E03),
        ((CTRL, 0x1A), 0x1A1B),
        ((0xE0, CTRL, 0x1E), 0x1E01),
        ((0xE0, 0x35), 0x352F),
        ((0x4A,), 0x4A2D),
    ],
)
def test_keys_of_a_us_keyboard(bios, codes, word) -> None:
    press(bios, *codes)
    assert take(bios) == word
    assert take(bios) is None


@pytest.mark.parametrize("codes", [(SHIFT,), (0x9E,), (0xE0, 0xAA), (0x54,), (0xE0, SHIFT), (CTRL, 0x02), (0x7F,)])
def test_what_gives_no_key(bios, codes) -> None:
    press(bios, *codes)
    assert take(bios) is None


def test_the_second_cursor_keys_are_told_apart_by_function_10(bios) -> None:
    press(bios, 0xE0, 0x48, 0xE0, 0xC8, 0x48)
    assert (take(bios, 0x10), take(bios, 0x10)) == (0x48E0, 0x4800)


def test_shifts_are_held_until_they_are_let_go(bios) -> None:
    press(bios, SHIFT, CTRL, ALT, 0x3A, 0xE0, 0x52)
    assert bios.call(0x16, 0x0200).al == 0x02 | 0x04 | 0x08 | 0x40 | 0x80
    assert bios.call(0x16, 0x1200).ah & 0x43 == 0x43
    press(bios, SHIFT | 0x80, CTRL | 0x80, ALT | 0x80, 0xBA, 0x3A, 0xBA)
    assert bios.call(0x16, 0x0200).al == 0x80


def test_a_held_toggle_toggles_once(bios) -> None:
    press(bios, 0x3A, 0x3A, 0x3A)
    assert bios.call(0x16, 0x0200).al == 0x40


def test_the_keyboard_is_held_before_a_key_would_be_lost_and_let_go_when_there_is_room(bios) -> None:
    for key in range(14):
        assert bios.holds == []
        press(bios, 0x10 + key % 10)
    assert bios.holds == [True]
    press(bios, 0x1E)  # one was on its way
    assert bios.bios.keyboard.is_held
    assert take(bios) == 0x1071
    assert bios.holds == [True]
    assert take(bios) == 0x1177
    assert bios.holds == [True, False]
    keys = [take(bios) for _ in range(13)]
    assert keys[-1] == 0x1E61
    assert take(bios) is None


def test_a_program_may_put_keys_in_until_the_buffer_is_full(bios) -> None:
    answers = [bios.call(0x16, 0x0500, ecx=0x1200 + number).al for number in range(17)]
    assert answers == [0] * 15 + [1, 1]
    assert [take(bios) for _ in range(16)] == [0x1200 + number for number in range(15)] + [None]


def test_the_buffer_goes_round(bios) -> None:
    for number in range(100):
        bios.call(0x16, 0x0500, ecx=number + 1)
        assert take(bios) == number + 1


@pytest.mark.parametrize("raw", [b"\xff" * 8, bytes(8), b"\x1e\0\x1f\0", b"\x00\x20\x10\x20"])
def test_pointers_that_a_guest_has_spoilt_hurt_nobody(bios, raw) -> None:
    bios.memory.write(ram.KEYBOARD_HEAD, raw)
    bios.memory.write(ram.KEYBOARD_START, raw[:4].ljust(4, b"\0"))
    press(bios, *range(0x10, 0x19))
    for _ in range(40):
        bios.call(0x16, 0x0100)
        bios.call(0x16, 0x0000)
        bios.call(0x16, 0x0500, ecx=1)


def test_an_empty_buffer_gives_no_key(bios) -> None:
    assert bios.call(0x16, 0x0000).ax == 0
    frame = bios.call(0x16, 0x1100)
    assert (frame.zero, frame.ax) == (1, 0x1100)


def test_ctrl_alt_del_asks_for_a_reset(bios) -> None:
    press(bios, CTRL, ALT, 0xE0, 0x53)
    assert bios.resets == ["Ctrl-Alt-Del"]
    assert take(bios) is None


def test_unknown_functions_give_carry(bios) -> None:
    assert bios.call(0x16, 0x0900).carry == 1
    assert bios.call(0x16, 0x0305).carry == 0
