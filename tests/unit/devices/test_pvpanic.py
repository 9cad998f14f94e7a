from __future__ import annotations

import pytest

from vmm.devices.pvpanic import Pvpanic


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def chip(heard: list[str]) -> Pvpanic:
    return Pvpanic(lambda: heard.append("panicked"), lambda: heard.append("crash loaded"))


def test_a_read_gives_the_known_events(chip: Pvpanic) -> None:
    assert chip.read(0, 1) == 3
    assert chip.read(0, 2) == 0xFF03
    assert chip.read(1, 1) == 0xFF


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, []), (1, ["panicked"]), (2, ["crash loaded"]), (3, ["panicked"]), (0xFC, []), (0xFF, ["panicked"])],
)
def test_a_write_reports(chip: Pvpanic, heard: list[str], value: int, expected: list[str]) -> None:
    chip.write(0, 1, value)
    assert heard == expected


def test_other_offsets_are_nobodys(chip: Pvpanic, heard: list[str]) -> None:
    chip.write(1, 1, 1)
    assert heard == []


def test_there_is_nothing_to_keep(chip: Pvpanic, heard: list[str]) -> None:
    chip.reset()
    chip.load(chip.save())
    chip.close()
    assert chip.save().fields == {}
    assert heard == []
