"""i8042 keyboard controller of the PC AT, with a keyboard on it: data and command port, IRQ 1, A20 and CPU reset.

Guest side: offset 0 is the data port, offset 4 status and command, as in one claim from 0x60 on; `data` and `command`
are the same two as devices of one byte each. Host side: `key()` and `type_text()` in, `keyboard` to look at.
A command is done at once, so the input buffer never shows full, and the next byte follows as soon as one is read.
With an `irq12` line there is an auxiliary port, with nothing plugged in; without one, none (which lets Linux pass on
at once).
Not modelled: the password, test mode, what the pulse commands do to pins other than reset, timing.
Source: IBM PC AT technical reference (keyboard controller); IBM PS/2 hardware interface technical reference.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State
from .keyboard import BREAK, SET_1, Keyboard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..bus.irq import IrqLine

OBF, A2, UNLOCKED, AUXB, TIMEOUT = 0x01, 0x08, 0x10, 0x20, 0x40  # status; SYS comes from the configuration
INT, INT2, SYS, KEYBOARD_OFF, AUX_OFF, XLAT = 0x01, 0x02, 0x04, 0x10, 0x20, 0x40  # configuration byte, RAM 0
RESET_PIN, A20 = 0x01, 0x02  # output port: the CPU is reset while bit 0 is low
OUTPUT_PORT_IRQ1, OUTPUT_PORT_IRQ12 = 0x10, 0x20
CONFIGURATION = SYS | INT | AUX_OFF | XLAT
OUTPUT_PORT = 0xCF
INPUT_PORT = 0xB0  # keyboard not locked, no manufacturing jumper, colour display, second 256 KiB of RAM
CLOCK_STUCK_LOW = 0x01

_TAKES_DATA = (0xA5, 0xD1, 0xD2, 0xD3, 0xD4)
_NONE_WAITS = 0


class _Port(Device):
    """One of the two ports, as a device of its own; the controller keeps all state."""

    def __init__(self, controller: I8042, name: str, offset: int) -> None:
        self._controller = controller
        self._offset = offset
        self.name = name

    def read(self, offset: int, size: int) -> int:
        return self._controller.read(self._offset + offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        self._controller.write(self._offset + offset, size, value)


class I8042(Device):
    """The controller, as firmware leaves it: IRQ 1 on, translation on, A20 open, keyboard enabled and scanning.

    `reset_requested(reason)` is called when the guest pulls the CPU's reset pin, `a20_changed(open)` when the A20
    gate moves. Both are called from inside a write by the guest.
    """

    name = "i8042"

    def __init__(
        self,
        irq1: IrqLine,
        irq12: IrqLine | None,
        reset_requested: Callable[[str], None],
        a20_changed: Callable[[bool], None] | None = None,
    ) -> None:
        self._irq1 = irq1
        self._irq12 = irq12
        self._reset_requested = reset_requested
        self._a20_changed = a20_changed
        self.keyboard = Keyboard()
        self.data = _Port(self, "i8042-data", 0)
        self.command = _Port(self, "i8042-command", 4)
        self._power_on()

    def _power_on(self) -> None:
        self._ram = bytearray(32)
        self._ram[0] = CONFIGURATION
        self._output_port = OUTPUT_PORT
        self._output = 0  # the output buffer; a byte stays there after it was read
        self._status = 0  # OBF, A2, and AUXB and TIMEOUT of the byte in the output buffer
        self._answer: int | None = None  # the controller's own next byte, its status bits above bit 8
        self._waiting = _NONE_WAITS  # the command whose data byte comes next at the data port
        self._break = 0  # 0x80 after a break prefix that translation swallowed

    # Host side

    def key(self, codes: bytes) -> bool:
        """Keys pressed and released now, in set 2; False if lost (scanning switched off, or the buffer full)."""
        kept = self.keyboard.press(codes)
        self._advance()
        return kept

    def type_text(self, text: str) -> None:
        """Types `text` on a US keyboard, as fast as the guest reads. ConfigError for what has no key there."""
        from .keymap import codes_for

        self.keyboard.type_codes(codes_for(text))
        self._advance()

    def press_ctrl_alt_del(self) -> bool:
        """The three keys together; False if lost, as for key()."""
        from .keymap import CTRL_ALT_DEL

        return self.key(CTRL_ALT_DEL)

    @property
    def a20(self) -> bool:
        """Whether address line 20 goes through."""
        return bool(self._output_port & A20)

    # Guest side

    def read(self, offset: int, size: int) -> int:
        """One byte, the data (offset 0) or the status (offset 4); ones above it and elsewhere."""
        if offset == 0:
            byte = self._read_data()
        elif offset == 4:
            byte = self._status | self._ram[0] & SYS | UNLOCKED
        else:
            return mask(size)
        return mask(size) & ~0xFF | byte

    def write(self, offset: int, size: int, value: int) -> None:
        """One byte for the keyboard or a waiting command (offset 0), or a command (offset 4)."""
        if offset == 4:
            self._status |= A2
            self._obey(value & 0xFF)
        elif offset == 0:
            self._status &= ~A2
            self._take_data(value & 0xFF)
        self._advance()

    def _read_data(self) -> int:
        byte = self._output
        self._status &= ~(OBF | AUXB | TIMEOUT)
        self._drive()
        self._advance()
        return byte

    def _obey(self, command: int) -> None:
        self._waiting = _NONE_WAITS
        if 0x20 <= command <= 0x3F:
            self._say(self._ram[command & 0x1F])
        elif 0x60 <= command <= 0x7F or command in _TAKES_DATA:
            self._waiting = command
        elif command >= 0xF0:
            if not command & RESET_PIN:
                self._reset_requested(f"keyboard controller command {command:#x}")
        elif command in (0xDD, 0xDF):
            self._set_output_port(self._output_port & ~A20 | (command & A20))
        elif command in (0xA7, 0xA8):
            self._configure(self._ram[0] & ~AUX_OFF | (AUX_OFF if command == 0xA7 else 0))
        elif command in (0xAD, 0xAE):
            self._configure(self._ram[0] & ~KEYBOARD_OFF | (KEYBOARD_OFF if command == 0xAD else 0))
        elif command == 0xA4:
            self._say(0xF1)  # no password is set
        elif command == 0xA9:
            self._say(CLOCK_STUCK_LOW if self._irq12 is None else 0)
        elif command == 0xAA:
            self._ram[0] |= SYS
            self._say(0x55)
        elif command == 0xAB:
            self._say(0)
        elif command == 0xC0:
            self._say(INPUT_PORT)
        elif command == 0xD0:
            self._say(self._output_pins())
        elif command == 0xE0:  # bit 0 is the keyboard's clock, bit 1 its data line
            self._say(0x02 if self._ram[0] & KEYBOARD_OFF else 0x03)

    def _take_data(self, byte: int) -> None:
        command, self._waiting = self._waiting, _NONE_WAITS
        if command == _NONE_WAITS:
            self._ram[0] &= ~KEYBOARD_OFF  # sending to the keyboard lets its clock go
            self.keyboard.receive(byte)
        elif command == 0x60:
            self._configure(byte)
        elif command < 0x80:
            self._ram[command & 0x1F] = byte
        elif command == 0xA5:  # a password goes on to its terminating 0; nothing keeps it
            self._waiting = command if byte else _NONE_WAITS
        elif command == 0xD1:
            self._set_output_port(byte | RESET_PIN)
            if not byte & RESET_PIN:
                self._reset_requested("keyboard controller output port")
        elif command == 0xD2:
            self._say(byte)
        elif command == 0xD3:
            # An AT controller without an auxiliary port hands the byte back as the keyboard's: how guests tell.
            self._say(byte, 0 if self._irq12 is None else AUXB)
        else:  # 0xD4: nobody takes a byte on the auxiliary port
            self._say(0xFE, AUXB | TIMEOUT)

    def _configure(self, configuration: int) -> None:
        self._ram[0] = configuration
        if not configuration & XLAT:
            self._break = 0
        self._drive()

    def _output_pins(self) -> int:
        pins = self._output_port & ~(OUTPUT_PORT_IRQ1 | OUTPUT_PORT_IRQ12)
        if self._status & OBF:
            pins |= OUTPUT_PORT_IRQ12 if self._status & AUXB else OUTPUT_PORT_IRQ1
        return pins

    def _set_output_port(self, value: int) -> None:
        changed = (value ^ self._output_port) & A20
        self._output_port = value
        if changed and self._a20_changed is not None:
            self._a20_changed(self.a20)

    # The output buffer

    def _say(self, byte: int, status: int = 0) -> None:
        """The controller's own answer: before anything from the keyboard, and in place of one not yet in the buffer."""
        self._answer = status << 8 | byte

    def _advance(self) -> None:
        """Moves the next byte, if there is one, to an output buffer that is empty."""
        if self._status & OBF:
            return
        if self._answer is not None:
            status, byte = self._answer >> 8, self._answer & 0xFF
            self._answer = None
        else:
            taken = None if self._ram[0] & KEYBOARD_OFF else self._translated()
            if taken is None:
                return
            status, byte = 0, taken
        self._output = byte
        self._status |= OBF | status
        self._drive()

    def _translated(self) -> int | None:
        """The keyboard's next byte, in set 1 if translation is on: then a break prefix becomes bit 7 of the next."""
        byte = self.keyboard.take()
        if not self._ram[0] & XLAT:
            return byte
        while byte == BREAK:
            self._break = 0x80
            byte = self.keyboard.take()
        if byte is None:
            return None
        byte = SET_1[byte] | self._break
        self._break = 0
        return byte

    def _drive(self) -> None:
        """Each line is up while its kind of byte is in the buffer and the configuration lets it."""
        full, aux = self._status & OBF, self._status & AUXB
        self._irq1.set(bool(full and not aux and self._ram[0] & INT))
        if self._irq12 is not None:
            self._irq12.set(bool(full and aux and self._ram[0] & INT2))

    # Lifecycle

    def reset(self) -> None:
        """Power-on state. A20 opens; text that waits to be typed is forgotten."""
        shut = not self.a20
        self._power_on()
        self.keyboard.reset()
        self._drive()
        if shut and self._a20_changed is not None:
            self._a20_changed(True)

    def save(self) -> State:
        """Controller and keyboard."""
        fields = {
            "ram": bytes(self._ram),
            "output_port": self._output_port,
            "output": self._output,
            "status": self._status,
            "answer": self._answer,
            "waiting": self._waiting,
            "break": self._break,
            "keyboard": self.keyboard.save(),
        }
        return State("vmm.i8042", 1, fields)

    def load(self, state: State) -> None:
        """Becomes the saved controller; a20_changed is told if the gate stands otherwise than before."""
        names = ("ram", "output_port", "output", "status", "answer", "waiting", "break", "keyboard")
        fields = state.expect("vmm.i8042", 1, names)
        ram, answer, waiting = fields["ram"], fields["answer"], fields["waiting"]
        if type(ram) is not bytes or len(ram) != 32:
            raise SnapshotError("vmm.i8042: ram must be 32 bytes")
        for name in ("output_port", "output", "status", "waiting", "break"):
            if type(fields[name]) is not int or not 0 <= fields[name] <= 0xFF:
                raise SnapshotError(f"vmm.i8042: {name} must be a byte, not {fields[name]!r}")
        sound = (
            not fields["status"] & ~(OBF | A2 | AUXB | TIMEOUT)
            and fields["output_port"] & RESET_PIN
            and fields["break"] in (0, 0x80)
            and (waiting == _NONE_WAITS or 0x60 <= waiting <= 0x7F or waiting in _TAKES_DATA)
            and (answer is None or (type(answer) is int and answer >= 0 and not answer >> 8 & ~(AUXB | TIMEOUT)))
        )
        if not sound:
            raise SnapshotError(f"vmm.i8042: no controller can be in the state {fields!r}")
        self.keyboard.load(fields["keyboard"])
        self._ram[:] = ram
        self._output, self._status, self._break = fields["output"], fields["status"], fields["break"]
        self._answer, self._waiting = answer, waiting
        self._set_output_port(fields["output_port"])
        self._drive()

    def close(self) -> None:
        """Lowers the lines."""
        self._irq1.set(False)
        if self._irq12 is not None:
            self._irq12.set(False)
