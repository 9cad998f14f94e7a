"""The reset and A20 switches: which writes ask for a reset, and what is read back."""

from __future__ import annotations

import pytest

from vmm.devices.power import ResetControl, SystemControlA
from vmm.errors import SnapshotError
from vmm.state import State


def test_fast_reset_is_asked_for_when_its_bit_rises() -> None:
    asked: list[str] = []
    port = SystemControlA(asked.append)
    port.write(0, 1, 0x02)
    assert asked == []
    port.write(0, 1, 0x03)
    port.write(0, 1, 0x03)
    assert asked == ["fast reset"]
    port.write(0, 1, 0x02)
    port.write(0, 1, 0x01)
    assert asked == ["fast reset"] * 2


def test_the_a20_bit_is_on_at_first_and_keeps_what_is_written() -> None:
    port = SystemControlA(print)
    assert port.read(0, 1) == 0x02
    port.write(0, 1, 0xFC)
    assert port.read(0, 1) == 0x00
    port.write(0, 1, port.read(0, 1) | 0x02)
    assert port.read(0, 1) == 0x02


@pytest.mark.parametrize(
    ("writes", "words"),
    [
        ([0x06], ["hard reset (reset control)"]),
        ([0x02, 0x06, 0x06], ["hard reset (reset control)"]),
        ([0x04], ["soft reset (reset control)"]),
        ([0x0E], ["hard reset (reset control)"]),
        ([0x02, 0x00, 0xF9], []),
        ([0x04, 0x00, 0x06], ["soft reset (reset control)", "hard reset (reset control)"]),
    ],
)
def test_reset_control_acts_on_the_rising_edge_of_bit_2(writes: list[int], words: list[str]) -> None:
    asked: list[str] = []
    port = ResetControl(asked.append)
    for value in writes:
        port.write(0, 1, value)
    assert asked == words
    assert port.read(0, 1) == writes[-1] & 0x06


def test_reset_control_takes_bytes_only() -> None:
    asked: list[str] = []
    port = ResetControl(asked.append)
    port.write(0, 2, 0x0606)
    port.write(0, 4, 0x06060606)
    assert asked == []
    assert port.read(0, 4) == 0xFFFFFFFF
    assert port.read(0, 1) == 0


@pytest.mark.parametrize("kind", [SystemControlA, ResetControl])
def test_the_bits_survive_a_snapshot_and_not_a_reset(kind: type[SystemControlA] | type[ResetControl]) -> None:
    port, restored, fresh = kind(lambda why: None), kind(pytest.fail), kind(pytest.fail)
    port.write(0, 1, 0x07)
    restored.load(port.save())
    assert restored.read(0, 1) == port.read(0, 1)
    restored.write(0, 1, 0x07)  # no bit rises: no reset is asked for
    port.reset()
    assert port.save() == fresh.save()
    with pytest.raises(SnapshotError, match="value"):
        fresh.load(State(fresh.save().schema, 1, {"value": 0x80}))
