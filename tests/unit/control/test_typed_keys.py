"""Keys as a terminal sends them, as what is typed on a PC's keyboard."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vmm.bus.irq import IrqWire
from vmm.control.typed_keys import TypedKeys
from vmm.devices.i8042 import I8042


class Machine:
    """Keeps what is typed."""

    def __init__(self) -> None:
        self.typed: list[str | bytes] = []

    def post(self, job) -> None:
        job()

    def device(self, name: str):
        assert name == "i8042"
        return SimpleNamespace(key=lambda codes: self.typed.append(codes) or True, type_text=self.typed.append)


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        (b"dir\r", ["dir\r"]),
        (b"\x7f\x03\t", ["\x7f\x03\t"]),
        (b"\x1b", ["\x1b"]),
        (b"\x1b[A", [bytes.fromhex("e075e0f075")]),
        (b"\x1bOD", [bytes.fromhex("e06be0f06b")]),
        (b"\x1b[3~", [bytes.fromhex("e071e0f071")]),
        (b"\x1bOP", [bytes.fromhex("05f005")]),
        (b"\x1b[24~", [bytes.fromhex("07f007")]),
        (b"a\x1b[Bb", ["a", bytes.fromhex("e072e0f072"), "b"]),
        (b"\x1bx", ["\x1b", "x"]),
        (b"a\x1c\x1fb", ["ab"]),
        (b"\x1b[1", ["\x1b", "[1"]),
        ("aéz\0".encode(), ["az"]),
        ("é".encode(), []),
        (b"\xff\xfe", []),
        (b"", []),
    ],
)
def test_keys_are_typed(sent, typed):
    machine = Machine()
    TypedKeys(machine).take(sent)
    assert machine.typed == typed


def test_a_keyboard_types_every_byte_that_a_terminal_may_send():
    controller = I8042(IrqWire(1, lambda gsi, level: None).line(), None, lambda words: None)
    machine = SimpleNamespace(post=lambda job: job(), device={"i8042": controller}.__getitem__)
    TypedKeys(machine).take(bytes(range(256)))
    assert controller.keyboard.waiting > 3 * 95
