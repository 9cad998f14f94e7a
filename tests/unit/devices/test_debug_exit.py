"""The debug exit port: a value ends the run."""

from __future__ import annotations

import pytest

from vmm.devices.debug_exit import DebugExit


@pytest.mark.parametrize(("size", "value"), [(1, 0x31), (2, 0x1234), (4, 0xDEADBEEF)])
def test_a_write_of_any_width_ends_the_run_with_its_value(size: int, value: int) -> None:
    values: list[int] = []
    DebugExit(values.append).write(0, size, value)
    assert values == [value]


def test_the_other_ports_of_its_range_do_nothing() -> None:
    values: list[int] = []
    port = DebugExit(values.append)
    for offset in (1, 2, 3):
        port.write(offset, 1, 0)
    assert values == []


def test_a_read_gives_all_ones_and_ends_nothing() -> None:
    values: list[int] = []
    port = DebugExit(values.append)
    assert [port.read(0, size) for size in (1, 2, 4)] == [0xFF, 0xFFFF, 0xFFFFFFFF]
    assert values == []


def test_it_has_no_state_to_lose() -> None:
    port = DebugExit(lambda value: None)
    before = port.save()
    port.reset()
    port.load(before)
    assert port.save() == before
