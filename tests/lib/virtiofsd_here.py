"""Whether this host has a virtiofsd that may make its sandbox."""

from __future__ import annotations

import tempfile

import pytest

from vmm.backends.vhost_user.virtiofsd import Virtiofsd
from vmm.errors import ConfigError
from vmm.memory.guest_memory import GuestMemory


def trouble() -> str:
    """Why there is none; "" where there is."""
    memory = GuestMemory(is_shared=True)
    memory.add(0, 4096)
    with tempfile.TemporaryDirectory() as folder:
        try:
            Virtiofsd(folder, False, memory).close()
        except ConfigError as error:
            return str(error)
        finally:
            memory.close()
    return ""


TROUBLE = trouble()
needs_virtiofsd = pytest.mark.skipif(bool(TROUBLE), reason=f"needs virtiofsd: {TROUBLE}")
