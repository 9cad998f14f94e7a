"""No driver, whatever it does, gets an exception out of a virtio device, or makes it useless for the next driver.

VMM_HOSTILE=1000000 has so many inputs tried in place of 10,000.
"""

from __future__ import annotations

import os
from random import Random

import pytest
from hostile import try_out
from hostile_devices import DEVICES
from hypothesis import given, settings
from hypothesis import strategies as st

COUNT = int(os.environ.get("VMM_HOSTILE", "10000"))
SEED = int(os.environ.get("VMM_HOSTILE_SEED", "1"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", DEVICES)
def test_many_programs(name):
    make, hints = DEVICES[name]
    random = Random(f"{SEED} {name}")
    for number in range(COUNT // len(DEVICES)):
        data = random.randbytes(random.randrange(8, 120))
        try:
            try_out(make, hints, data)
        except BaseException as error:
            raise AssertionError(f"input {number}: bytes.fromhex({data.hex()!r})") from error


@pytest.mark.parametrize("name", DEVICES)
def test_the_smallest_program_that_fails(name):
    make, hints = DEVICES[name]

    @settings(max_examples=150, database=None)
    @given(data=st.binary(max_size=120))
    def tried(data: bytes) -> None:
        try_out(make, hints, data)

    tried()
