"""Fuzzing of guest code: an input goes into memory, the guest runs from one point to another, and all is put back.

from vmm import Machine
from vmm.fuzz import Harness

with Machine(image="parser.elf") as machine:
    with Harness(machine, input=0x200000, room=4096, start="parse", end="parsed", length="rsi") as harness:
        for data in inputs:
            result = harness.run(data)
            if result.is_crash:
                print(data, result)
"""

from .harness import Crash as Crash
from .harness import Harness as Harness
from .harness import Result as Result
