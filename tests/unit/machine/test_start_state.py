"""The state of the CPU after a sleep."""

from __future__ import annotations

import pytest

from vmm.machine.start_state import waking_state


def test_a_waking_vector_is_a_real_mode_address():
    state = waking_state(0x9A123)
    assert (state.cs.selector, state.cs.base, state.rip, state.cr0 & 1) == (0x9A12, 0x9A120, 3, 0)


@pytest.mark.parametrize("vector", [0, 0x10_0000, 0xFFFF_FFFF])
def test_none_and_one_out_of_reach_are_the_reset_vector(vector):
    state = waking_state(vector)
    assert (state.cs.base, state.rip) == (0xFFFF_0000, 0xFFF0)
