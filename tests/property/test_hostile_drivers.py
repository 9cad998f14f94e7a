"""No driver, whatever it does, gets an exception out of a virtio device, or makes it useless for the next driver.

VMM_HOSTILE=1000000 has so many inputs tried in place of 10,000.
"""

from __future__ import annotations

import os
from random import Random

import pytest
from hostile import BENCHES, try_out
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
    count = COUNT // len(DEVICES) // (1 if callable(make) else 10)  # an engine outside begins anew every other time
    for number in range(count):
        transport = "pci" if number % 3 == 0 else "mmio"
        data = random.randbytes(random.randrange(8, 120))
        try:
            try_out(make, hints, data, transport)
        except BaseException as error:
            raise AssertionError(f"input {number}, {transport}: bytes.fromhex({data.hex()!r})") from error


@pytest.mark.parametrize("name", DEVICES)
def test_the_smallest_program_that_fails(name):
    make, hints = DEVICES[name]

    @settings(max_examples=150 if callable(make) else 30, database=None)
    @given(data=st.binary(max_size=120), transport=st.sampled_from(sorted(BENCHES)))
    def tried(data: bytes, transport: str) -> None:
        try_out(make, hints, data, transport)

    tried()
