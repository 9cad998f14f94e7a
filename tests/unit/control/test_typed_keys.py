"""Keys as a terminal sends them, as what is typed on a PC's keyboard."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vmm.control.typed_keys import TypedKeys


class Machine:
    """Keeps what is typed."""

    def __init__(self) -> None:
        self.typed: list[str | bytes] = []

    def type_keys(self, text: str) -> None:
        self.typed.append(text)

    def post(self, job) -> None:
        job()

    def device(self, name: str):
        assert name == "i8042"
        return SimpleNamespace(key=lambda codes: self.typed.append(codes) or True)


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
        (b"\x1b[1", ["\x1b", "[1"]),
        ("aéz\0".encode(), ["az"]),
        ("é".encode(), []),
        (b"\xff\xfe", []),
        (b"", []),
    ],
)
def test_keys_are_typed(sent, typed):
    machine = Machine()
    assert TypedKeys(machine).take(sent) == b""
    assert machine.typed == typed


def test_a_machine_without_a_keyboard_leaves_all_of_it():
    assert TypedKeys(SimpleNamespace()).take(b"a\x1b[A") == b"a\x1b[A"
