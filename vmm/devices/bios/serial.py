"""INT 14h: the serial ports, by the registers of their chips.

The wait for a character is the ROM's; here one is taken if it is there, else the call has timed out.
Not modelled: the extended functions 04h and 05h, a transmitter that is not ready.
Source: IBM PS/2 and PC BIOS interface technical reference, INT 14h; PC16550D datasheet for the registers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..serial import Serial
    from .frame import Frame

DATA, INTERRUPTS, LINE_CONTROL, MODEM_CONTROL, LINE_STATUS, MODEM_STATUS = 0, 1, 3, 4, 5, 6
DIVISOR_LATCH, DTR_RTS = 0x80, 0x03
DATA_READY, TIMED_OUT = 0x01, 0x80
_DIVISORS = (1047, 768, 384, 192, 96, 48, 24, 12)
"""For 110, 150, 300, 600, 1200, 2400, 4800 and 9600 bit/s."""


class SerialPorts:
    """The service. `chips` gives each port's chip when it is first used."""

    def __init__(self, chips: Sequence[Callable[[], Serial]]) -> None:
        self._chips = chips
        self.functions: dict[int, Callable[[Frame], None]] = {
            0x00: self._initialise,
            0x01: self._send,
            0x02: self._receive,
            0x03: self._status,
        }

    def _chip(self, frame: Frame) -> Serial | None:
        """The port in DX; one that there is not has timed out."""
        if frame.dx < len(self._chips):
            return self._chips[frame.dx]()
        frame.ah = TIMED_OUT
        return None

    def _initialise(self, frame: Frame) -> None:
        chip = self._chip(frame)
        if chip is None:
            return
        divisor, control = _DIVISORS[frame.al >> 5], frame.al & 0x1F
        chip.write(LINE_CONTROL, 1, control | DIVISOR_LATCH)
        chip.write(DATA, 1, divisor & 0xFF)
        chip.write(INTERRUPTS, 1, divisor >> 8)
        chip.write(LINE_CONTROL, 1, control)
        chip.write(INTERRUPTS, 1, 0)
        self._status(frame)

    def _send(self, frame: Frame) -> None:
        chip = self._chip(frame)
        if chip is not None:
            chip.write(MODEM_CONTROL, 1, chip.read(MODEM_CONTROL, 1) | DTR_RTS)
            chip.write(DATA, 1, frame.al)
            frame.ah = chip.read(LINE_STATUS, 1) & ~TIMED_OUT

    def _receive(self, frame: Frame) -> None:
        chip = self._chip(frame)
        if chip is None:
            return
        status = chip.read(LINE_STATUS, 1)
        if status & DATA_READY:
            frame.al, frame.ah = chip.read(DATA, 1), status & 0x1E
        else:
            frame.ah = status | TIMED_OUT

    def _status(self, frame: Frame) -> None:
        chip = self._chip(frame)
        if chip is not None:
            frame.ah, frame.al = chip.read(LINE_STATUS, 1), chip.read(MODEM_STATUS, 1)
