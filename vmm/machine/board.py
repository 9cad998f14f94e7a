"""The schematic: which chips a machine has, what each is wired to, and where it is on the buses. The only file that
knows concrete devices, backends and loaders.

Chips sit in sockets and are made, and their modules imported, at the first access.
"""

from __future__ import annotations

import os

from ..bus.bus import Bus
from ..bus.irq import IrqWire
from ..bus.socket import Socket
from ..bus.timers import Timers
from ..errors import ConfigError
from ..memory.guest_memory import GuestMemory
from ..units import MiB, format_size
from . import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..boot.loader import BootState
    from ..bus.irq import IrqLine
    from .config import MachineConfig

MOST_SYMBOLS = 64 * MiB
"""What an image that comes by a pipe may have beyond the guest's memory, in bytes: symbols, mostly."""


class Board:
    """Everything of one machine but its CPUs. The machine sets the callables before the guest runs."""

    def __init__(self, config: MachineConfig, host_clock: Callable[[], int], wall_clock: Callable[[], int]) -> None:
        self.config = config
        self.ports = Bus("io", layout.PORT_LIMIT)
        self.mmio = Bus("mmio", layout.PHYSICAL_LIMIT)
        self.memory = GuestMemory()
        self.timers = Timers(host_clock, lambda: self.rearm())
        self.outputs: dict[str, Any] = {}
        """What the ports that speak write to, by the name of the chip: a ConsoleLog, an Output, or a callable."""
        self.sockets: dict[str, Socket] = {}
        self.interrupt: Callable[[bool], None] = lambda up: None
        """Told whether the INT pin of the PIC pair is up."""
        self.set_input: Callable[[int, bool], None] = lambda gsi, level: None
        """Takes the level of a GSI to the interrupt controller."""
        self.rearm: Callable[[], None] = lambda: None
        """Told that an alarm was set earlier than all others."""
        self.com1_made: Callable[[Any], None] = lambda com1: None
        """Given COM1's chip when it is made."""
        self.debug_exit: Callable[[int], None] = lambda value: None
        self.reset_requested: Callable[[str], None] = lambda words: None
        self.stdout: Any = None
        """The Output that the chips in layout.SPOKEN share, with console="stdio"."""
        if config.console == "stdio":
            from ..backends.terminal import Output

            self.stdout = Output(1)
        self._wires: dict[int, IrqWire] = {}
        self._wall_clock = wall_clock
        for start, size in layout.ram(config.memory):
            self.memory.add(start, size)
        self._place_chips()

    def device(self, name: str) -> Any:
        """The chip of that name, made now if nobody looked at it before. ConfigError names what there is."""
        if name not in self.sockets:
            raise ConfigError.of("device", f"no {name!r} on this board; there are {', '.join(self.sockets)}")
        return self.sockets[name].chip

    def line(self, gsi: int) -> IrqLine:
        """A new line onto a GSI."""
        wire = self._wires.get(gsi)
        if wire is None:
            wire = self._wires[gsi] = IrqWire(gsi, lambda gsi, level: self.set_input(gsi, level))
        return wire.line()

    def close(self) -> None:
        """Gives the guest's memory back and unplugs everything: without circles a closed machine is freed at once, not
        by the cycle collector, which costs a process that makes many machines a fifth of its time."""
        self.memory.close()
        self.ports.close()
        self.mmio.close()
        for socket in self.sockets.values():
            socket.close()
        self.sockets.clear()
        self._wires.clear()
        self.timers.close()
        self.interrupt = self.set_input = self.rearm = _nothing
        self.com1_made = self.debug_exit = self.reset_requested = _nothing

    # -- chips --

    def _socket(self, name: str, make: Callable[[], Any]) -> Socket:
        socket = self.sockets[name] = Socket(name, make)
        return socket

    def _place_chips(self) -> None:
        ports = self.ports
        for index, (start, size) in enumerate(layout.COM):
            self._socket(f"com{index + 1}", self._serial_maker(index)).claim(ports, start, size)
        self._socket("debug-exit", self._make_debug_exit).claim(ports, *layout.DEBUG_EXIT, width=4)
        for name, span in (("debug-console", layout.DEBUG_CONSOLE), ("firmware-console", layout.FIRMWARE_CONSOLE)):
            self._socket(name, self._debug_console_maker(name)).claim(ports, *span)
        self._socket("post", self._make_post).claim(ports, *layout.POST)
        self._socket("system-control-a", self._make_system_control_a).claim(ports, *layout.SYSTEM_CONTROL_A)
        self._socket("reset-control", self._make_reset_control).claim(ports, *layout.RESET_CONTROL)
        keyboard = self._socket("i8042", self._make_keyboard)
        keyboard.claim(ports, *layout.KEYBOARD_DATA, part=lambda chip: chip.data)
        keyboard.claim(ports, *layout.KEYBOARD_COMMAND, part=lambda chip: chip.command)
        self._socket("rtc", self._make_rtc).claim(ports, *layout.RTC)
        if self.config.irqchip == "user":
            self._place_user_irqchip()
        if self.config.test_devices:
            self._socket("test-device", self._make_test_device).claim(self.mmio, *layout.TEST_DEVICE, width=8)
            self._socket("pattern", self._make_pattern).claim(ports, *layout.PATTERN, width=4)

    def _place_user_irqchip(self) -> None:
        """PIC pair and PIT in Python; with irqchip "kernel" both are in the kernel, with "none" nowhere."""
        pic = self._socket("pic", self._make_pic)
        pic.claim(self.ports, *layout.PIC_MASTER, part=lambda chip: chip.master)
        pic.claim(self.ports, *layout.PIC_SLAVE, part=lambda chip: chip.slave)
        pic.claim(self.ports, *layout.PIC_ELCR, part=lambda chip: chip.elcr)
        self.set_input = lambda gsi, level: pic.chip.set_input(gsi, level)
        pit = self._socket("pit", self._make_pit)
        pit.claim(self.ports, *layout.PIT)
        self._socket("port61", lambda: self._make_port61(pit.chip)).claim(self.ports, *layout.SYSTEM_CONTROL_B)

    def _serial_maker(self, index: int) -> Callable[[], Any]:
        def make() -> Any:
            from ..devices.serial import Serial

            port = Serial(self.line(layout.COM_LINES[index]), self._output(f"com{index + 1}"), self.timers)
            if index == 0:
                self.com1_made(port)
            return port

        return make

    def _make_debug_exit(self) -> Any:
        from ..devices.debug_exit import DebugExit

        return DebugExit(lambda value: self.debug_exit(value))

    def _debug_console_maker(self, name: str) -> Callable[[], Any]:
        def make() -> Any:
            from ..devices.debug_console import DebugConsole

            return DebugConsole(self._output(name))

        return make

    def _make_post(self) -> Any:
        from ..devices.post import Post

        return Post(self.timers.now)

    def _make_system_control_a(self) -> Any:
        from ..devices.power import SystemControlA

        return SystemControlA(lambda words: self.reset_requested(words))

    def _make_reset_control(self) -> Any:
        from ..devices.power import ResetControl

        return ResetControl(lambda words: self.reset_requested(words))

    def _make_keyboard(self) -> Any:
        from ..devices.i8042 import I8042

        return I8042(self.line(layout.KEYBOARD_LINE), None, lambda words: self.reset_requested(words))

    def _make_rtc(self) -> Any:
        from ..devices.rtc import Rtc

        wall_at_zero = self._wall_clock() - self.timers.now()
        return Rtc(self.timers, self.line(layout.RTC_LINE), wall_at_zero, layout.cmos(self.config.memory))

    def _make_pic(self) -> Any:
        from ..devices.pic import PicPair

        return PicPair(lambda up: self.interrupt(up))

    def _make_pit(self) -> Any:
        from ..devices.pit import Pit

        return Pit(self.timers, self.line(layout.PIT_LINE))

    def _make_port61(self, pit: Any) -> Any:
        from ..devices.port61 import Port61

        return Port61(pit)

    def _make_test_device(self) -> Any:
        from ..devices.testdev import TestDevice

        return TestDevice()

    def _make_pattern(self) -> Any:
        from ..devices.testdev import PatternPort

        return PatternPort()

    # -- the host's side --

    def _output(self, name: str) -> Callable[[bytes], None]:
        """Where the chip `name` writes what the guest says."""
        console = self.config.console
        if not isinstance(console, str):
            return console
        if console == "stdio" and name in layout.SPOKEN:
            self.outputs[name] = self.stdout
        else:
            from ..backends.console_log import ConsoleLog

            self.outputs[name] = ConsoleLog(0 if console == "none" else None)
        return self.outputs[name].write  # type: ignore[no-any-return]

    # -- the image --

    def load_image(self) -> BootState:
        """Puts the guest's image into memory. BootError or ConfigError when that cannot be."""
        from ..boot import flat
        from ..boot.loader import BootParams, choose

        config = self.config
        image, path = _image(config.image, config.memory)
        params = BootParams(mode=config.mode, load=config.load, entry=config.entry, path=path)
        if config.format in (None, flat.format) and flat.recognises(image):
            return flat.load(image, self.memory, params)  # without the other loaders, which cost start-up time
        from ..boot import elf

        loaders: tuple[Any, ...] = (elf, flat)
        return choose(loaders, image, config.format).load(image, self.memory, params)


def _nothing(*_: object) -> None:
    """Where wires of a closed board lead."""


def _image(image: str | bytes, memory: int) -> tuple[bytes, str]:
    """(bytes, path). ConfigError for what cannot be read, and for what has no end, such as a device."""
    if isinstance(image, bytes):
        return image, ""
    try:
        with open(image, "rb") as file:
            most = max(os.fstat(file.fileno()).st_size, memory + MOST_SYMBOLS)
            content = file.read(most + 1)
    except OSError as error:
        raise ConfigError.of("image", f"cannot read {image}: {error.strerror}") from error
    if len(content) > most:
        raise ConfigError.of("image", f"{image} has no end within {format_size(most)}")
    return content, image
