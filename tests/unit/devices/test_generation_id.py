"""The generation ID: bytes in guest memory, others after renew(), which tells the guest."""

from __future__ import annotations

import pytest

from vmm.devices.generation_id import GenerationId
from vmm.memory.guest_memory import GuestMemory


def test_renewing_changes_the_bytes_and_then_tells() -> None:
    memory, told = GuestMemory(), []
    memory.add(0, 0x1000)
    chip = GenerationId(memory, 0xFF0, b"first generation", lambda: told.append(memory.read(0xFF0, 16)))
    assert memory.read(0xFF0, 16) == chip.identity == b"first generation"
    assert told == []
    chip.renew(b"the second, anew")
    assert told == [b"the second, anew"]
    chip.load(chip.save())
    assert chip.identity == b"the second, anew"
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        chip.renew(b"new")
