"""DSDT: the namespace, with the processors and the devices of a machine that no bus enumerates.

Everything in it stands still but one event: no methods besides its own, no power states but off.
Source: ACPI specification 6.4, sections 5.6.7 (device ids), 6.1 (identification), 7.4 (system states); QEMU
documentation, docs/specs/pvpanic; Documentation/devicetree/bindings/virtio/mmio.yaml for what LNRO0005 says;
Microsoft's "Virtual Machine Generation ID" for the device that tells a guest that it is a copy.
"""

from __future__ import annotations

from . import aml, resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .hardware import Hardware, Pci

SIGNATURE, REVISION = b"DSDT", 2
SLEEP_TYPE_OFF = 0
"""What goes to the sleep type field to power off."""

_GENERATION = "VM_Gen_Counter"
_CHANGED = 0x80
_MIB = 1 << 20
_PRESENT_AND_DECODING = 0x0B


def body(hardware: Hardware) -> bytes:
    """The table without its header."""
    off = aml.integer(SLEEP_TYPE_OFF)
    sleep = aml.named("_S5", aml.package(off, off, aml.integer(0), aml.integer(0)))
    scopes = aml.scope("_SB", *_processors(hardware.cpus), *_devices(hardware))
    if hardware.generation_id is not None:
        _, event = hardware.generation_id
        scopes += aml.scope("_GPE", aml.method(f"_E{event:02X}", 0, aml.notify("\\_SB.VGEN", _CHANGED)))
    return sleep + scopes


def _processors(count: int) -> Iterator[bytes]:
    for index in range(count):
        yield aml.device(f"C{index:03X}", aml.named("_HID", aml.string("ACPI0007")), _uid(index))


def _devices(hardware: Hardware) -> Iterator[bytes]:
    for index, (port, line) in enumerate(hardware.serial, start=1):
        use = resources.current(resources.ports(port, 8), resources.isa_line(line))
        yield aml.device(f"COM{index}", _hid("PNP0501"), _uid(index), use)
    if hardware.clock is not None:
        port, line = hardware.clock
        use = resources.current(resources.ports(port, 2), resources.isa_line(line))
        yield aml.device("RTC", _hid("PNP0B00"), use)
    if hardware.keyboard is not None:
        data, command, line = hardware.keyboard
        use = resources.current(resources.ports(data, 1), resources.ports(command, 1), resources.isa_line(line))
        yield aml.device("KBD", _hid("PNP0303"), use)
    if hardware.panic:
        use = resources.current(resources.ports(hardware.panic, 1))
        yield aml.device("PEVT", aml.named("_HID", aml.string("QEMU0001")), use, _present())
    if hardware.generation_id is not None:
        address, _ = hardware.generation_id
        where = aml.named("ADDR", aml.package(aml.integer(address & 0xFFFF_FFFF), aml.integer(address >> 32)))
        known = aml.named("_CID", aml.string(_GENERATION)), aml.named("_DDN", aml.string(_GENERATION))
        yield aml.device("VGEN", aml.named("_HID", aml.string("VMMV0001")), *known, where)
    for index, device in enumerate(hardware.virtio):
        use = resources.current(resources.memory(device.address, device.size), resources.edge_line(device.line))
        hid = aml.named("_HID", aml.string("LNRO0005"))
        yield aml.device(f"VR{index:02X}", hid, _uid(index), aml.named("_CCA", aml.integer(1)), use)
    if hardware.pci is not None:
        yield from _pci(hardware.pci)


def _pci(pci: Pci) -> Iterator[bytes]:
    """The host bridge, and the memory behind which its configuration stands, which is a resource of the board."""
    use = [resources.bus_window(0, pci.last_bus)]
    if pci.config_ports is not None:
        use.append(resources.ports(*pci.config_ports))
    use += [resources.port_window(first, last) for first, last in pci.ports]
    use += [resources.memory_window(first, last) for first, last in pci.memory]
    use += [resources.high_memory_window(first, last) for first, last in pci.high_memory]
    ids = (_hid("PNP0A08"), aml.named("_CID", aml.eisa_id("PNP0A03"))) if pci.ecam else (_hid("PNP0A03"),)
    yield aml.device("PCI0", *ids, _uid(0), resources.current(*use))
    if pci.ecam:
        window = resources.memory(pci.ecam, (pci.last_bus + 1) * _MIB)
        yield aml.device("MCFG", _hid("PNP0C02"), resources.current(window))


def _hid(identity: str) -> bytes:
    return aml.named("_HID", aml.eisa_id(identity))


def _uid(number: int) -> bytes:
    return aml.named("_UID", aml.integer(number))


def _present() -> bytes:
    return aml.named("_STA", aml.integer(_PRESENT_AND_DECODING))
