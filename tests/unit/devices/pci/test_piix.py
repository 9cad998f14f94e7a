"""The bridge's functions as firmware tells them apart, and the bits that it looks at before it trusts them."""

from __future__ import annotations

from vmm.devices.pci import piix
from vmm.devices.pci.config_space import CLASS, HEADER_TYPE, INTERRUPT_LINE


def test_who_they_are() -> None:
    functions = [piix.isa_bridge(), piix.ide(), piix.power_management(0x600, 9)]
    assert [each.read(0, 4) for each in functions] == [0x7000_8086, 0x7010_8086, 0x7113_8086]
    assert [each.read(CLASS, 2) for each in functions] == [0x0601, 0x0101, 0x0680]
    assert functions[0].read(HEADER_TYPE, 1) == 0x80  # the others would not be looked for otherwise


def test_interrupts_can_be_routed_and_the_power_block_stays_where_it_is() -> None:
    isa, power = piix.isa_bridge(), piix.power_management(0x600, 9)
    isa.write(piix.PIRQ_ROUTES, 4, 0x0B0B_0A0A)
    assert isa.read(piix.PIRQ_ROUTES, 4) == 0x0B0B_0A0A
    power.write(piix.PM_BASE, 4, 0xB001)
    assert power.read(piix.PM_BASE, 4) == 0x601
    assert power.read(INTERRUPT_LINE, 1) == 9


def test_system_management_interrupts_look_set_up_for_good() -> None:
    power = piix.power_management(0x600, 9)
    power.write(piix.DEVICE_ACTIVITY_B, 4, 0)
    assert power.read(piix.DEVICE_ACTIVITY_B, 4) == piix.APMC_EN
