"""A pair of interrupt controllers, as their tests drive it."""

from __future__ import annotations

from vmm.devices.pic import PicPair


class Bench:
    """Both chips set up as a PC's BIOS does it, vectors 0x20 and 0x28, nothing masked."""

    def __init__(self, master_icw4: int = 0x01, slave_icw4: int = 0x01) -> None:
        self.pins: list[bool] = []
        self.pair = PicPair(self.pins.append)
        self.initialise(0, 0x20, master_icw4)
        self.initialise(1, 0x28, slave_icw4)

    def initialise(self, chip: int, base: int, icw4: int = 0x01, icw1: int = 0x11) -> None:
        self.command(chip, icw1)
        for value in (base, 0x04 if chip == 0 else 0x02, icw4):
            self.data(chip, value)

    def command(self, chip: int, value: int) -> None:
        (self.pair.slave if chip else self.pair.master).write(0, 1, value)

    def data(self, chip: int, value: int) -> None:
        (self.pair.slave if chip else self.pair.master).write(1, 1, value)

    def status(self, chip: int, which: int) -> int:
        self.command(chip, which)
        return (self.pair.slave if chip else self.pair.master).read(0, 1)

    def raise_(self, *irqs: int) -> None:
        for irq in irqs:
            self.pair.set_input(irq, True)

    def lower(self, *irqs: int) -> None:
        for irq in irqs:
            self.pair.set_input(irq, False)

    def take(self) -> int | None:
        """What the CPU does when it accepts interrupts: the IRQ it is given, or None if INT is low."""
        if not self.pair.output:
            return None
        return self.pair.acknowledge() - 0x20
