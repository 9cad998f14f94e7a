"""INT 11h, 12h, 15h and 17h: sizes and maps of memory, moves with hostile descriptors, A20."""

from __future__ import annotations

from struct import pack, unpack

import pytest

TABLE = 0x8000
SMAP = 0x534D4150


def move(bench, words: int, source: int, target: int, limit: int = 0xFFFF, flags: int = 0, es: int = 0):
    def descriptor(base: int) -> bytes:
        return pack("<HHBBBB", limit & 0xFFFF, base & 0xFFFF, base >> 16 & 0xFF, 0x93, flags | limit >> 16, base >> 24)

    bench.memory.write(TABLE, bytes(16) + descriptor(source) + descriptor(target) + bytes(16))
    return bench.call(0x15, 0x8700, ecx=words, es=es, si=TABLE)


def test_what_the_machine_has(bios) -> None:
    assert bios.call(0x11, 0).ax == 0x0223
    assert bios.call(0x12, 0).ax == 639
    assert bios.call(0x15, 0x8800).ax == 1024
    frame = bios.call(0x15, 0xE801)
    assert (frame.ax, frame.bx, frame.cx, frame.dx, frame.carry) == (1024, 0, 1024, 0, 0)
    assert bios.call(0x17, 0x0000).ah == 1


def test_the_map_is_told_entry_by_entry(bios) -> None:
    found, number = [], 0
    while True:
        frame = bios.call(0x15, 0xE820, ebx=number, ecx=20, edx=SMAP, es=0x900, eax=0xE820)
        assert (frame.eax, frame.ecx, frame.carry) == (SMAP, 20, 0)
        found.append(unpack("<QQI", bios.memory.read(0x9000, 20)))
        number = frame.ebx
        if not number:
            break
    assert found == [(0, 0x9FC00, 1), (0x9FC00, 0x400, 2), (0xF0000, 0x10000, 2), (0x100000, 0x100000, 1)]


@pytest.mark.parametrize(
    "registers",
    [
        {"edx": 0}, {"ecx": 19}, {"ebx": 4}, {"ebx": 0xFFFF_FFFF}, {"es": 0xF000}, {"es": 0xEFFF, "di": 0},
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_told_is_refused(bios, registers) -> None:
    frame = bios.call(0x15, 0xE820, **{"edx": SMAP, "ecx": 20, "es": 0x900, **registers})
    assert (frame.carry, frame.ah) == (1, 0x86)


def test_a_block_moves_beyond_the_first_mebibyte_and_back(bios) -> None:
    bios.memory.write(0x9000, bytes(range(256)))
    frame = move(bios, 128, 0x9000, 0x100000)
    assert (frame.ah, frame.carry, frame.zero) == (0, 0, 1)
    assert move(bios, 128, 0x100000, 0xA001).carry == 0
    assert bios.memory.read(0xA001, 256) == bytes(range(256))


@pytest.mark.parametrize(
    ("words", "source", "target", "limit"),
    [
        (1, 0x200000, 0x9000, 0xFFFF),
        (1, 0x9000, 0xFFFF_FFFF, 0xFFFF),
        (1, 0x9000, 0xF0000, 0xFFFF),
        (0x100, 0x1FFF00, 0x9000, 0xFFFF),
        (2, 0x9000, 0xA000, 2),
        (0x8001, 0x10000, 0x30000, 0xFFFFF),
    ],
)
def test_a_move_that_memory_or_a_limit_forbids_is_refused(bios, words, source, target, limit) -> None:
    before = bios.memory.read(0xF0000, 16)
    frame = move(bios, words, source, target, limit)
    assert (frame.ah, frame.carry) == (0x02, 1)
    assert bios.memory.read(0xF0000, 16) == before


def test_a_limit_in_pages_and_a_table_that_is_nowhere(bios) -> None:
    assert move(bios, 0x8000, 0x10000, 0x100000, limit=0xF, flags=0x80).carry == 0
    assert bios.call(0x15, 0x8700, ecx=1, es=0xFFFF, si=0).carry == 1
    assert move(bios, 0, 0x9000, 0xA000).carry == 0


def test_a20_is_told_as_it_was_asked_for(bios) -> None:
    assert bios.call(0x15, 0x2402).al == 1
    for ax, state in ((0x2400, 0), (0x2401, 1)):
        assert bios.call(0x15, ax).carry == 0
        assert (bios.call(0x15, 0x2402).al, bios.a20.read(0, 1) >> 1 & 1) == (state, state)
    assert bios.call(0x15, 0x2403).bx == 3
    assert bios.call(0x15, 0x2404).carry == 1
    assert bios.resets == []


def test_tables_and_what_is_not_supported(bios) -> None:
    frame = bios.call(0x15, 0xC000)
    assert (frame.es, frame.bx, frame.carry) == (0xF000, 0xE6F5, 0)
    assert bios.call(0x15, 0xC100).es == 0x9FC0
    assert bios.call(0x15, 0x9000).carry == 0
    for ax in (0x5300, 0x8300, 0xC200, 0xE881, 0x0000):
        frame = bios.call(0x15, ax)
        assert (frame.ah, frame.carry) == (0x86, 1)
    frame = bios.call(0x15, 0x4F1E)
    assert (frame.al, frame.carry) == (0x1E, 1)
