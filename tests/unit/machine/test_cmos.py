"""CMOS bytes as SeaBIOS reads them."""

from __future__ import annotations

from vmm.machine import cmos
from vmm.machine.config import MachineConfig
from vmm.units import GiB, MiB


def test_the_order_of_drives_is_in_three_nibbles() -> None:
    for boot, order in (("", (2, 1, 3)), ("d", (3, 0, 0)), ("ca", (2, 1, 0)), ("dac", (3, 1, 2))):
        values = cmos.for_firmware(MachineConfig(firmware="rom", boot=boot), {})
        second, first = values[cmos.BOOT_FLAGS_2] >> 4, values[cmos.BOOT_FLAGS_2] & 0xF
        assert (first, second, values[cmos.BOOT_FLAGS_1] >> 4) == order


def test_disks_have_a_type_and_large_ones_a_translation() -> None:
    none = cmos.for_firmware(MachineConfig(firmware="rom"), {})
    assert (none[cmos.DISK_TYPES], none[cmos.FIRST_TYPE], none[cmos.SECOND_TYPE], none[cmos.TRANSLATION]) == (
        0,
        0,
        0,
        0,
    )
    both = cmos.for_firmware(MachineConfig(firmware="rom"), {"hda": 10 * MiB, "hdb": GiB, "cdrom": GiB})
    assert both[cmos.DISK_TYPES] == 0xFF
    assert both[cmos.FIRST_TYPE] == both[cmos.SECOND_TYPE] == 47
    assert both[cmos.TRANSLATION] == 1 << 2


def test_further_cpus_are_counted() -> None:
    assert cmos.for_firmware(MachineConfig(firmware="rom", vcpus=4), {})[cmos.CPUS] == 3
