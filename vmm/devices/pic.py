"""Pair of i8259A interrupt controllers: 15 inputs, two levels of priority, one INT pin and a vector for the CPU.

Guest side: `master` and `slave` (offset 0 commands and status, 1 data) and `elcr` (edge or level for each input).
Host side: `set_input()` in, the `intr` callable and `acknowledge()` out. The slave hangs on input 2 of the master; that
is wiring, so ICW3 is taken and has no effect. After a reset all inputs are masked (the chip leaves it undefined).

An edge once seen stays requested until it is acknowledged or ICW1 comes, even if the input falls; the chip forgets it
then. So a pulse is an interrupt here, as with an I/O APIC. Level inputs and the cascade follow their pin.
Not modelled: MCS-80/85 mode (the vector is given as in x86 mode), buffered mode.
Source: Intel 8259A datasheet 231468; Intel 82371AB (PIIX4) for ELCR.
"""

from __future__ import annotations

from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_CASCADE = 2
_SPURIOUS = 7

# Saved fields of a chip: the bits that may be set, or bool.
_FIELDS: dict[str, int | type[bool]] = {
    "lines": 0xFF,
    "irr": 0xFF,
    "isr": 0xFF,
    "imr": 0xFF,
    "elcr": 0xFF,
    "ltim": bool,
    "single": bool,
    "wants_icw4": bool,
    "step": 7,
    "base": 0xF8,
    "first": 7,
    "auto_eoi": bool,
    "rotate_on_auto_eoi": bool,
    "nested_specially": bool,
    "special_mask": bool,
    "reads_isr": bool,
    "poll": bool,
}


class Chip:
    """One 8259A. Masks have bit n for input n; `slaves` are the inputs that a slave hangs on."""

    __slots__ = ("follow", "slaves", *_FIELDS)

    lines: int
    irr: int
    isr: int
    imr: int
    elcr: int
    ltim: bool
    single: bool
    wants_icw4: bool
    step: int
    base: int
    first: int
    auto_eoi: bool
    rotate_on_auto_eoi: bool
    nested_specially: bool
    special_mask: bool
    reads_isr: bool
    poll: bool

    def __init__(self, slaves: int) -> None:
        self.slaves = slaves
        self.reset()

    def reset(self) -> None:
        """All inputs low, edge-triggered and masked; vectors from 0."""
        for name, kind in _FIELDS.items():
            setattr(self, name, False if kind is bool else 0)
        self.imr = 0xFF
        self.sense()

    def sense(self) -> None:
        """Works out which inputs the request register follows, instead of latching their edges."""
        self.follow = self.slaves | (0xFF if self.ltim else self.elcr)

    def request(self) -> int:
        """The input that the chip asks to be served now, or -1: the highest priority of those that may interrupt."""
        wanted = self.irr & ~self.imr
        if not wanted or self.step:
            return -1
        first = self.first
        wanted = wanted * 0x101 >> first & 0xFF
        rank = wanted & -wanted
        level = rank.bit_length() - 1 + first & 7
        serving = self.isr & ~self.imr if self.special_mask else self.isr
        if serving:
            serving = serving * 0x101 >> first & 0xFF
            served = serving & -serving
            if served < rank or (served == rank and not (self.nested_specially and self.slaves >> level & 1)):
                return -1
        return level

    def take(self, level: int) -> None:
        """Input `level` is acknowledged: out of the requests, into service."""
        bit = 1 << level
        if not self.follow & bit:
            self.irr &= ~bit
        if not self.auto_eoi:
            self.isr |= bit
        elif self.rotate_on_auto_eoi:
            self.first = level + 1 & 7

    def read(self, offset: int) -> int:
        """OCW1 at offset 1, IRR or ISR at 0; after a poll command the answer to it, which acknowledges."""
        if self.poll:
            self.poll = False
            level = self.request()
            if level < 0:
                return 0
            self.take(level)
            return 0x80 | level
        if offset:
            return self.imr
        return self.isr if self.reads_isr else self.irr

    def write(self, offset: int, value: int) -> None:
        """A command: ICW1, OCW2, OCW3 at offset 0; ICW2-4 in their turn or OCW1 at 1."""
        if offset:
            if self.step:
                self._initialise(value)
            else:
                self.imr = value
        elif value & 0x10:
            self._icw1(value)
        elif value & 0x08:
            if value & 0x40:
                self.special_mask = value & 0x20 != 0
            if value & 0x02:
                self.reads_isr = value & 0x01 != 0
            self.poll = value & 0x04 != 0
        else:
            self._ocw2(value >> 5, value & 7)

    def save(self) -> dict[str, Any]:
        """All registers by name."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def loaded(cls, saved: Any, slaves: int, where: str) -> Chip:
        """The chip that was saved. SnapshotError if a register is missing, unknown or out of range."""
        if not isinstance(saved, dict) or set(saved) != set(_FIELDS):
            raise SnapshotError(f"vmm.pic: {where} should have the fields {', '.join(_FIELDS)}")
        chip = cls(slaves)
        for name, kind in _FIELDS.items():
            value = saved[name]
            legal = type(value) is bool if isinstance(kind, type) else type(value) is int and not value & ~kind
            if not legal:
                raise SnapshotError(f"vmm.pic: {where}: {name} cannot be {value!r}")
            setattr(chip, name, value)
        chip.sense()
        if chip.step not in (0, 2, 3, 4) or (chip.irr ^ chip.lines) & chip.follow:
            raise SnapshotError(f"vmm.pic: {where}: its registers contradict each other")
        return chip

    def _icw1(self, value: int) -> None:
        self.wants_icw4 = value & 0x01 != 0
        self.single = value & 0x02 != 0
        self.ltim = value & 0x08 != 0
        self.sense()
        self.irr = self.lines & self.follow  # an input that is up already needs a new edge
        self.isr = self.imr = self.first = 0
        self.auto_eoi = self.rotate_on_auto_eoi = self.nested_specially = False
        self.special_mask = self.reads_isr = self.poll = False
        self.step = 2

    def _initialise(self, value: int) -> None:
        """Takes ICW2, ICW3 or ICW4, whichever is due."""
        step = self.step
        if step == 2:
            self.base = value & 0xF8
        elif step == 4:
            self.nested_specially = value & 0x10 != 0
            self.auto_eoi = value & 0x02 != 0
        if step == 2 and not self.single:
            self.step = 3
        else:
            self.step = 4 if self.wants_icw4 and step != 4 else 0

    def _ocw2(self, command: int, level: int) -> None:
        """R, SL, EOI in bits 2-0 of `command`."""
        if command & 3 == 0:
            self.rotate_on_auto_eoi = command == 4
            return
        if command & 3 == 1:  # non-specific: the input served with the highest priority
            serving = self.isr & ~self.imr if self.special_mask else self.isr
            if not serving:
                return
            serving = serving * 0x101 >> self.first & 0xFF
            level = (serving & -serving).bit_length() - 1 + self.first & 7
        if command & 1:
            self.isr &= ~(1 << level)
        if command & 4:
            self.first = level + 1 & 7


class PicPair(Device):
    """Both chips. It resets, saves and loads them; its parts `master`, `slave` and `elcr` are what the guest accesses.

    `intr(level)` is called when the INT pin changes. It may not call back.
    """

    name = "pic"

    def __init__(self, intr: Callable[[bool], None]) -> None:
        self._intr = intr
        self._chips = (Chip(1 << _CASCADE), Chip(0))
        self._raised_by = _SPURIOUS
        self.output = False
        """The level of the INT pin."""
        self.master: Device = _Ports(self, 0, "pic-master")
        self.slave: Device = _Ports(self, 1, "pic-slave")
        self.elcr: Device = _Elcr(self)

    def set_input(self, irq: int, level: bool) -> None:
        """Drives input `irq`, 0-15. Input 2 is taken by the slave: it and numbers beyond 15 are ignored."""
        if irq < 8:
            chip = self._chips[0]
            if irq == _CASCADE:
                return
        elif irq < 16:
            chip = self._chips[1]
        else:
            return
        bit = 1 << (irq & 7)
        if level:
            if chip.lines & bit:
                return
            chip.lines |= bit
            chip.irr |= bit
        else:
            if not chip.lines & bit:
                return
            chip.lines &= ~bit
            if not chip.follow & bit:
                return
            chip.irr &= ~bit
        if not chip.imr & bit:
            self.update()

    def acknowledge(self) -> int:
        """The CPU's INTA cycle: the vector of the request with the highest priority, which is in service from now on.

        A request that has vanished since the INT pin rose gives vector 7 of the chip that had it (spurious IRQ 7 or 15)
        and is not put in service; the master serves input 2 all the same when the slave is to blame.
        """
        master, slave = self._chips
        level = master.request()
        if level < 0:
            if self._raised_by != _CASCADE or master.single:
                return master.base | _SPURIOUS
            level = _CASCADE
        self._raised_by = _SPURIOUS
        master.take(level)
        if level == _CASCADE and not master.single:
            level = slave.request()
            if level < 0:
                level = _SPURIOUS
            else:
                slave.take(level)
            vector = slave.base | level
        else:
            vector = master.base | level
        self.update()
        return vector

    def update(self) -> None:
        """Carries the slave's INT to the master and the master's to the CPU, after anything has changed."""
        master, slave = self._chips
        cascade = 1 << _CASCADE
        if slave.irr and slave.request() >= 0:
            master.lines |= cascade
            master.irr |= cascade
        else:
            master.lines &= ~cascade
            master.irr &= ~cascade
        level = master.request() if master.irr else -1
        if level >= 0:
            self._raised_by = level
        if (level >= 0) is not self.output:
            self.output = level >= 0
            self._intr(self.output)

    def chip(self, index: int) -> Chip:
        """The master (0) or the slave (1)."""
        return self._chips[index]

    def reset(self) -> None:
        """Power-on: see the module."""
        for chip in self._chips:
            chip.reset()
        self._raised_by = _SPURIOUS
        self.update()

    def save(self) -> State:
        """Both chips, and which input raised the INT pin last."""
        master, slave = self._chips
        return State("vmm.pic", 1, {"master": master.save(), "slave": slave.save(), "raised_by": self._raised_by})

    def load(self, state: State) -> None:
        """Becomes the pair that was saved; `intr` hears of it if the INT pin changes by that."""
        fields = state.expect("vmm.pic", 1, ("master", "slave", "raised_by"))
        raised_by = fields["raised_by"]
        if type(raised_by) is not int or not 0 <= raised_by <= 7:
            raise SnapshotError(f"vmm.pic: raised_by cannot be {raised_by!r}")
        master = Chip.loaded(fields["master"], 1 << _CASCADE, "master")
        self._chips = (master, Chip.loaded(fields["slave"], 0, "slave"))
        self._raised_by = raised_by
        self.update()


class _Ports(Device):
    """The two ports of one chip. Stateless: the pair saves."""

    def __init__(self, pair: PicPair, index: int, name: str) -> None:
        self._pair = pair
        self._index = index
        self.name = name

    def read(self, offset: int, size: int) -> int:
        if size > 1:
            return sum(self.read(offset + i, 1) << 8 * i for i in range(size))
        if offset > 1:
            return 0xFF
        chip = self._pair.chip(self._index)
        polled = chip.poll
        value = chip.read(offset)
        if polled:
            self._pair.update()
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        if size > 1:
            for i in range(size):
                self.write(offset + i, 1, value >> 8 * i & 0xFF)
        elif offset < 2:
            self._pair.chip(self._index).write(offset, value)
            self._pair.update()


class _Elcr(Device):
    """Edge/level control: a byte for each chip, 1 is level. Inputs 0, 1, 2, 8 and 13 are edge-triggered for good."""

    name = "elcr"

    _WRITABLE = (0xF8, 0xDE)

    def __init__(self, pair: PicPair) -> None:
        self._pair = pair

    def read(self, offset: int, size: int) -> int:
        if size > 1:
            return sum(self.read(offset + i, 1) << 8 * i for i in range(size))
        return self._pair.chip(offset).elcr if offset < 2 else 0xFF

    def write(self, offset: int, size: int, value: int) -> None:
        if size > 1:
            for i in range(size):
                self.write(offset + i, 1, value >> 8 * i & 0xFF)
        elif offset < 2:
            chip = self._pair.chip(offset)
            before = chip.follow
            chip.elcr = value & self._WRITABLE[offset]
            chip.sense()
            changed = before ^ chip.follow
            chip.irr = chip.irr & ~changed | chip.lines & chip.follow & changed
            self._pair.update()
