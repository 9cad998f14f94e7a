"""What the tables tell an operating system of: the parts of one machine that it cannot find by itself.

Ports and interrupt lines are numbers as layout.py has them; 0 or None stand for what is not there.
"""

from __future__ import annotations

from ...records import Record


class Virtio(Record):
    """A virtio-mmio device."""

    address: int
    size: int
    line: int
    """Its GSI, active high, with an edge for each interrupt."""


class Pci(Record):
    """A PCI host bridge with all buses from 0 on, and what it hands down: (first, last) of each window."""

    ports: tuple[tuple[int, int], ...]
    memory: tuple[tuple[int, int], ...]
    """Below 4 GiB."""
    high_memory: tuple[tuple[int, int], ...] = ()
    last_bus: int = 0
    config_ports: tuple[int, int] | None = None
    """(first, count): configuration mechanism 1."""
    ecam: int = 0
    """Where the configuration space of bus 0 stands in memory (PCI Express); 1 MiB a bus."""


class Hardware(Record):
    """Where the hardware is."""

    cpus: int
    local_apic: int
    io_apic: int
    """Its address; io_apic_version is what its version register says."""
    sci: int
    """The interrupt line of the power management block, active high and level."""
    reset_control: int
    """The port of the reset control register."""
    io_apic_version: int = 0x11
    pm_event: int = 0
    pm_control: int = 0
    pm_timer: int = 0
    pm_general: int = 0
    """The general purpose event block: a byte of flags, a byte of enables."""
    smi_command: int = 0
    serial: tuple[tuple[int, int], ...] = ()
    """(first of eight ports, line) of each."""
    clock: tuple[int, int] | None = None
    """(first of two ports, line) of the real-time clock."""
    keyboard: tuple[int, int, int] | None = None
    """(data port, command port, line) of its controller."""
    has_vga: bool = False
    generation_id: tuple[int, int] | None = None
    """(address of 16 bytes in reserved memory, general purpose event that tells of their change)."""
    panic: int = 0
    """The port of pvpanic."""
    virtio: tuple[Virtio, ...] = ()
    pci: Pci | None = None
