"""What many of these tests stand on."""

from __future__ import annotations

import pytest

from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB


@pytest.fixture
def memory():
    """4 MiB of guest memory from address 0 on."""
    memory = GuestMemory()
    memory.add(0, 4 * MiB)
    yield memory
    memory.close()
