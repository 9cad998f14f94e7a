"""rep ins and rep outs: KVM hands over many elements at once, and each must arrive."""

from __future__ import annotations

import pytest

WIDTHS = {1: "b", 2: "w", 4: "l"}
PORT = 0x2000
"""The pattern port of the test devices."""
MOST = 1500
"""Elements: several pages of dwords, more than one exit holds."""


BUFFER = {"real": 0x4000, "protected": 0x2_0000, "long": 0x2_0000}


def text(operation: str, size: int, count: int, backwards: bool, mode: str) -> str:
    wide = {"real": "", "protected": "e", "long": "r"}[mode]
    register = wide + ("di" if operation == "ins" else "si")
    start = BUFFER[mode] + ((count - 1) * size if backwards else 0)
    return (
        f"mov ${PORT}, %{wide}dx \n mov ${start}, %{register} \n mov ${count}, %{wide}cx \n"
        f"{'std' if backwards else 'cld'} \n rep {operation}{WIDTHS[size]} \n hlt"
    )


def elements(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("mode", ["real", "protected", "long"])
@pytest.mark.parametrize("backwards", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("count", [1, 7, MOST])
def test_every_element_read_lands_where_it_belongs(guest, mode, size, count, backwards):
    machine = guest(text("ins", size, count, backwards, mode), mode, test_devices=True)
    buffer = BUFFER[mode]
    machine.memory.fill(buffer - 0x100, 0x3000, 0xEE)
    assert machine.run(deadline=5.0).kind == "halted"
    pattern = bytes(at & 0xFF for at in range(size * count))
    expected = b"".join(reversed(elements(pattern, size))) if backwards else pattern
    assert machine.memory.read(buffer, size * count) == expected
    assert machine.memory.read(buffer - 0x100, 0x100) == b"\xee" * 0x100
    assert machine.memory.read(buffer + size * count, 0x100) == b"\xee" * 0x100
    exits = machine.exits[f"io.in[{PORT:#x}]"]
    assert (exits.elements, exits.size) == (count, size)
    assert exits.count <= count


@pytest.mark.parametrize("mode", ["real", "protected", "long"])
@pytest.mark.parametrize("backwards", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("count", [1, 7, MOST])
def test_every_element_written_arrives_in_order(guest, mode, size, count, backwards):
    machine = guest(text("outs", size, count, backwards, mode), mode, test_devices=True)
    data = bytes((7 * at + at // 256) & 0xFF for at in range(size * count))
    machine.memory.write(BUFFER[mode], data)
    assert machine.run(deadline=5.0).kind == "halted"
    expected = b"".join(reversed(elements(data, size))) if backwards else data
    assert machine.device("pattern").written == expected
    exits = machine.exits[f"io.out[{PORT:#x}]"]
    assert (exits.elements, exits.size) == (count, size)
    assert machine.registers()["rcx"] == 0


def test_strings_to_the_serial_port_keep_their_place_among_single_bytes(guest):
    machine = guest(
        "mov $0x3f8, %dx \n mov $0x61, %al \n out %al, (%dx) \n mov $words, %si \n mov $6, %cx \n cld \n rep outsb \n"
        'mov $0x7a, %al \n out %al, (%dx) \n hlt \n words: .ascii "string"'
    )
    machine.run(deadline=5.0)
    assert machine.console_output == b"astringz"


def test_string_reads_of_an_empty_port_give_ones(guest):
    machine = guest("mov $0x700, %dx \n mov $0x3000, %di \n mov $64, %cx \n cld \n rep insw \n hlt")
    machine.run(deadline=5.0)
    assert machine.memory.read(0x3000, 128) == b"\xff" * 128
