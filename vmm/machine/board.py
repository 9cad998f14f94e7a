"""The board: buses, memory, timers and interrupt wires of one machine, and the sockets that its chips sit in.

What is plugged in where stands in the sheets of schematic/. Chips are made, and their modules imported, at the first
access.
"""

from __future__ import annotations

from _thread import RLock

from ..bus.bus import Bus
from ..bus.irq import IrqWire
from ..bus.socket import Socket
from ..bus.timers import Timers
from ..errors import ConfigError
from ..memory.guest_memory import GuestMemory
from . import layout
from .plan import plan_of
from .schematic import outputs
from .wishes import Wishes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any

    from ..bus.irq import IrqLine
    from ..memory.guest_memory import Image, Region
    from .config import MachineConfig
    from .schematic.virtio import VirtioDevices


def _nothing(*_: object) -> None:
    """Where a wire leads that is not connected, or no more."""


def _no(*_: object) -> bool:
    return False


def _zero() -> int:
    return 0


class Board(Wishes):
    """Everything of one machine but its CPUs. The machine sets the callables before the guest runs."""

    interrupt: Callable[[bool], None] = staticmethod(_nothing)
    """Told whether the INT pin of the PIC pair is up."""
    set_input: Callable[[int, bool], None] = staticmethod(_nothing)
    """Takes the level of a GSI to the interrupt controller."""
    send_message: Callable[[int, int], bool] = staticmethod(_no)
    """Takes a message (address, data) to the local APICs; whether one took it."""
    watch_messages: Callable[[Collection[tuple[int, int]]], None] = staticmethod(_nothing)
    """Told which messages' ends the I/O APIC must hear of."""
    com1_made: Callable[[Any], None] = staticmethod(_nothing)
    """Given COM1's chip when it is made."""
    collect_writes: Callable[[bool, bool], None] = staticmethod(_nothing)
    """Told whether COM1's bytes may be gathered, and whether its driver waits for an interrupt behind them."""
    waking_vector: Callable[[], int] = staticmethod(_zero)
    """Where the first CPU starts, in real mode, when the machine wakes from S3; 0 is the reset vector."""
    memory_changed: Callable[[Sequence[Region], Sequence[Region]], None] = staticmethod(_nothing)
    """Told of regions of memory that went and came."""

    def __init__(
        self,
        config: MachineConfig,
        host_clock: Callable[[], int],
        wall_clock: Callable[[], int],
        is_linux: bool = False,
        large_pages: bool = True,
        below: Image | None = None,
    ) -> None:
        """`large_pages` and `below` as of GuestMemory."""
        self.config = config
        self.is_linux = is_linux
        """Whether the image is a Linux kernel."""
        plan = plan_of(config.irqchip)
        self.ports = Bus("io", layout.PORT_LIMIT, self.device, plan.ports)
        self.mmio = Bus("mmio", layout.PHYSICAL_LIMIT, self.device)
        self._makers = plan.makers.copy()
        self._chips: dict[str, Any] = {}
        self._making = RLock()
        self.memory = GuestMemory(config.shares_memory, large_pages, below)
        self.timers = Timers(host_clock, self.rearm)
        self.outputs: dict[str, Any] = {}
        """What the ports that speak write to, by the name of the chip: a ConsoleLog, an Output, or a callable."""
        self.listeners: dict[str, Callable[[bytes], None]] = {}
        """Who hears what a port says besides its output, by the name of the chip; before the chip is made."""
        self.has_traps = False
        """Whether every port access must be seen by machine/traps.py."""
        self.closers: list[Callable[[], None]] = []
        """What gives back the host's side of other devices; close() calls them."""
        self.drives: dict[str, Any] = {}
        """The host's side of each drive, by its field of the configuration; close() closes it."""
        self.stdout: Any = None
        """The Output that the chips in layout.SPOKEN share, with console="stdio"."""
        if config.console == "stdio":
            self.stdout = outputs.stdout()
        self.virtio: VirtioDevices | None = None
        """The virtio devices and their reactor, where there are any."""
        self._wires: dict[int, IrqWire] = {}
        self.wall_clock = wall_clock
        has_bios = config.has_bios
        window = layout.SHADOW if config.firmware else layout.ROM if has_bios else None
        for start, size in layout.ram(config.memory, window):
            self.memory.add(start, size)
        if config.irqchip == "user":
            self.set_input = lambda gsi, level: self.device("pic").set_input(gsi, level)
        elif config.irqchip == "split":
            from .schematic import io_apic

            io_apic.place(self)
        if config.is_pc:
            from .schematic import vga

            vga.place(self)
        if has_bios:
            from .schematic import bios

            bios.place(self)
        if config.pc_testdev:
            from .schematic import kut

            kut.place(self)
        if config.firmware or config.pc_testdev or config.fw_cfg:
            from .schematic import fw_cfg

            fw_cfg.place(self)
        if config.firmware:
            from .schematic import firmware

            firmware.place(self)
        if config.has_virtio:
            from .schematic import virtio

            virtio.place(self)
        if config.test_devices:
            from .schematic import test_devices

            test_devices.place(self)

    def device(self, name: str) -> Any:
        """The chip of that name, made now if nobody looked at it before. ConfigError names what there is."""
        chip = self._chips.get(name)
        if chip is None:
            if name not in self._makers:
                raise ConfigError.of("device", f"no {name!r} on this board; there are {', '.join(self._makers)}")
            with self._making:  # vCPU threads may meet it at once; a chip may ask for another
                chip = self._chips.get(name)
                if chip is None:
                    chip = self._chips[name] = self._makers[name](self)
        return chip

    def has_made(self, name: str) -> bool:
        """Whether somebody has looked at the chip of that name."""
        return name in self._chips

    @property
    def made(self) -> dict[str, Any]:
        """The chips that somebody has looked at, by name."""
        return dict(self._chips)

    def when_made(self, name: str, then: Callable[[Any], None]) -> None:
        """Has `then` look at the chip of that name once it is made, before anybody else does."""
        make = self._makers[name]

        def made(board: Board) -> Any:
            chip = make(board)
            then(chip)
            return chip

        self._makers[name] = made

    def has_place_for(self, name: str) -> bool:
        """Whether there is a chip of that name, or its empty socket."""
        return name in self._makers

    def line(self, gsi: int) -> IrqLine:
        """A new line onto a GSI."""
        wire = self._wires.get(gsi)
        if wire is None:
            wire = self._wires[gsi] = IrqWire(gsi, lambda gsi, level: self.set_input(gsi, level))
        return wire.line()

    def close(self) -> None:
        """Gives the guest's memory back and unplugs everything: without circles a closed machine is freed at once, not
        by the cycle collector, which costs a process that makes many machines a fifth of its time."""
        if self.virtio is not None:
            self.virtio.close()
            self.virtio = None
        for close in self.closers:
            close()
        self.closers.clear()
        for disk in self.drives.values():
            disk.close()
        self.drives.clear()
        self.memory.close()
        self.ports.close()
        self.mmio.close()
        self._chips.clear()
        self._makers.clear()
        self._wires.clear()
        self.timers.close()
        self.listeners.clear()
        self.run = None
        self.set_input = self.com1_made = _nothing  # what leads back here
        self.send_message, self.waking_vector = _no, _zero

    def socket(self, name: str, make: Callable[[], Any]) -> Socket:
        """A new socket for the chip that `make` gives; sheets of the schematic call it."""
        self._makers[name] = lambda board: make()
        return Socket(name, self.device)

    def output(self, name: str) -> Callable[[bytes], None]:
        """Where the chip `name` writes what the guest says."""
        write, listener = self._output(name), self.listeners.get(name)
        return write if listener is None else _both(write, listener)

    def _output(self, name: str) -> Callable[[bytes], None]:
        console = self.config.console
        if not isinstance(console, str):
            return console
        # What a ROM writes there it says on COM1 too, letter by letter at the same time: it is kept apart.
        is_log = name == "firmware-console" and self.config.firmware
        if console == "stdio" and name in layout.SPOKEN and not is_log:
            self.outputs[name] = self.stdout
        else:
            self.outputs[name] = outputs.log(0 if console == "none" else None)
        return self.outputs[name].write  # type: ignore[no-any-return]


def _both(first: Callable[[bytes], None], second: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def both(data: bytes) -> None:
        first(data)
        second(data)

    return both
