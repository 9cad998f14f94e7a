"""16550A serial port: eight byte-wide registers, two queues, one interrupt.

Guest side: offsets 0-7.  Host side: `feed()` in, the `output` callable out.
The interrupt is level: it stays up while any enabled cause is pending. It reaches the line only while OUT2 is set
and the port is not looped back, as on a PC, where OUT2 gates the wire and loopback forces OUT2 off.
A byte written is sent at once, so the transmitter is always empty. Input that the guest has not taken yet waits in
a queue on the host's side and cannot overrun; only loopback can. Clearing the FIFO or resetting the chip puts such
input back into the queue, where the chip would lose it. Input also waits while RTS is down and DTR up: so a driver
with hardware flow control says that it has no room.
Not modelled: baud timing, word length, parity, break, DMA mode, and a modem: CTS, DSR and DCD are always up.
Source: PC16550D datasheet (National Semiconductor, June 1995).
"""

from __future__ import annotations

from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State
from ..units import MICROSECOND, KiB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..bus.irq import IrqLine
    from ..bus.timers import Timers

QUEUE_CAPACITY = 64 * KiB
"""Bytes of input that wait on the host's side, beyond those in the receive FIFO."""
TIME_OUT = 350 * MICROSECOND
"""Four character times at 115200 baud, 8N1, whatever the divisor says."""

_SCHEMA = "vmm.serial"
_REGISTERS = 8
_THR, _LSR = 0, 5

_ERBFI, _ETBEI, _ELSI, _EDSSI = 0x01, 0x02, 0x04, 0x08  # IER
_LINE_STATUS, _RECEIVED, _TIMED_OUT, _THR_EMPTY, _MODEM_STATUS, _NOTHING = 0x06, 0x04, 0x0C, 0x02, 0x00, 0x01  # IIR
_FIFO_ENABLE, _FIFO_CLEAR, _FIFO_TRIGGER = 0x01, 0x02, 0xC0  # FCR
_DLAB = 0x80  # LCR
_DTR, _RTS, _OUT2, _LOOP = 0x01, 0x02, 0x08, 0x10  # MCR
_DR, _OE, _EMPTY = 0x01, 0x02, 0x60  # LSR; THRE and TEMT always go together
_TERI, _RI, _CONNECTED = 0x04, 0x40, 0xB0  # MSR; CTS, DSR and DCD together

_FIFO_DEPTH = 16
_TRIGGERS = (1, 4, 8, 14)
_LOUD, _POLLED, _DRIVEN, _BYTEWISE = 0, 1, 2, 3  # who may answer; the last two with the transmitter's interrupt
_DIVISOR_9600 = 12

_WIDEST = {"ier": 0x0F, "fcr": 0xC1, "lcr": 0xFF, "mcr": 0x1F, "scr": 0xFF, "divisor": 0xFFFF, "deltas": 0x0F}
_FLAGS = ("overrun", "thr_empty", "timed_out", "looped")
_SAVED = (*_WIDEST, *_FLAGS, "fifo", "queue", "deadline")


class Serial(Device):
    """One port. `output` takes what the guest sends; it is called at once, on the thread that runs the access.

    The run step may answer for the port while it is quiet: see quiet_reads() and quiet_ring_offset().
    """

    name = "serial"

    _ier: int
    _fcr: int  # the enable and trigger bits
    _lcr: int
    _mcr: int
    _scr: int
    _divisor: int
    _deltas: int  # bits 3-0 of MSR
    _overrun: bool
    _thr_empty: bool  # the interrupt cause, not the state of the register, which is always empty
    _timed_out: bool

    def __init__(self, irq: IrqLine, output: Callable[[bytes], None], timers: Timers) -> None:
        self._irq = irq
        self.output = output
        self._timers = timers
        self._alarm = timers.alarm(self._time_out)
        self._queue = bytearray()
        self._fifo = bytearray()
        self._looped = False
        self._refused = False
        self._quiet, self._shows_data = _LOUD, False
        self.quiet_changed: Callable[[], None] = lambda: None
        """Called when the answers of quiet_reads() and quiet_ring_offset() have changed."""
        self.room_again: Callable[[], None] = lambda: None
        """Called once the queue is at most half full, after a feed() that could not take everything."""
        self.reset()

    # The host's side

    def feed(self, data: bytes) -> int:
        """Input for the guest. Returns how many bytes, from the front, were taken: fewer when the queue is full."""
        accepted = min(self.room, len(data))
        self._queue += data[:accepted]
        self._refused = accepted < len(data)
        self._refill()
        self._update()
        return accepted

    @property
    def room(self) -> int:
        """How many bytes feed() would take now."""
        return QUEUE_CAPACITY - len(self._queue)

    def transmit(self, data: bytes) -> None:
        """Sends `data` as if the guest had written each byte to THR: how the run step hands over its ring."""
        if not data:
            return
        if self._thr_empty:
            self._thr_empty = False
            self._update()  # falls before it rises again, or an edge-triggered input would see one write of many
        if self._mcr & _LOOP:
            self._loop_back(data)
        else:
            self.output(data)
        self._thr_empty = bool(self._ier & _ETBEI)
        self._update()

    def quiet_reads(self) -> tuple[tuple[int, int], ...]:
        """(offset, value) of byte reads that have no effect and one answer, until quiet_changed is called.

        The port is quiet while no overrun is to be told, DLAB is off and the port is not looped back. Whoever answers
        for it hands over the ring by transmit() before the port sees any other access.
        """
        return ((_LSR, _EMPTY | _DR if self._shows_data else _EMPTY),) if self._quiet else ()

    def quiet_ring_offset(self) -> int | None:
        """Where byte writes may be gathered for transmit(), or None while the port is not quiet."""
        return _THR if self._quiet in (_POLLED, _DRIVEN) else None

    def quiet_ring_limit(self) -> int:
        """How many bytes may be gathered: with the transmitter's interrupt enabled a FIFO full, since the guest waits
        for it behind them; 0 for as many as one likes. As on a chip that sends, the interrupt is due when they are
        handed over."""
        return _FIFO_DEPTH if self._quiet == _DRIVEN else 0

    # The guest's side

    def read(self, offset: int, size: int) -> int:
        """One register, or `size` successive ones, lowest first, as a PC splits a wide access to a byte-wide chip."""
        if size == 1:
            return self._READERS[offset](self) if offset < _REGISTERS else 0xFF
        return sum(self.read(offset + at, 1) << 8 * at for at in range(size))

    def write(self, offset: int, size: int, value: int) -> None:
        """One register, or `size` successive ones, lowest first."""
        if size == 1:
            if offset < _REGISTERS:
                self._WRITERS[offset](self, value & 0xFF)
        else:
            for at in range(size):
                self.write(offset + at, 1, value >> 8 * at)

    def _read_data(self) -> int:
        if self._lcr & _DLAB:
            return self._divisor & 0xFF
        if not self._fifo:
            return 0
        value = self._fifo.pop(0)
        self._looped = self._looped and bool(self._fifo)
        self._timed_out = False
        self._alarm.cancel()
        if self._queue and len(self._fifo) < self._trigger:
            self._update()  # as in transmit(): a wire has a gap between two characters
            self._refill()
        self._update()
        return value

    def _write_data(self, value: int) -> None:
        if self._lcr & _DLAB:
            self._divisor = self._divisor & 0xFF00 | value
        elif self._ier & _ETBEI or self._mcr & _LOOP:
            self.transmit(value.to_bytes(1, "little"))
        else:
            self.output(value.to_bytes(1, "little"))

    def _read_ier(self) -> int:
        return self._divisor >> 8 if self._lcr & _DLAB else self._ier

    def _write_ier(self, value: int) -> None:
        if self._lcr & _DLAB:
            self._divisor = self._divisor & 0xFF | value << 8
            return
        before = self._ier
        self._ier = value & (_ERBFI | _ETBEI | _ELSI | _EDSSI)
        # Enabling the cause raises it, the register being empty; leaving it enabled does not raise it again.
        self._thr_empty = bool(value & _ETBEI and (self._thr_empty or not before & _ETBEI))
        self._update()

    def _read_iir(self) -> int:
        cause = self._cause()
        if cause == _THR_EMPTY:
            self._thr_empty = False
            self._update()
        return cause | (0xC0 if self._fcr & _FIFO_ENABLE else 0)

    def _write_fcr(self, value: int) -> None:
        before = self._fcr
        self._set_fcr(value)
        if (before ^ value) & _FIFO_ENABLE or (value & _FIFO_ENABLE and value & _FIFO_CLEAR):
            self._empty_fifo()
        self._refill()
        self._update()

    def _empty_fifo(self) -> None:
        """Input that the guest has not read goes back to the queue: a driver clears the FIFO when it starts, and what
        was piped in before that is meant for it. What came by loopback is dropped, as on the chip."""
        if not self._looped:
            self._queue[:0] = self._fifo
        self._fifo.clear()
        self._looped = self._timed_out = False
        self._alarm.cancel()

    def _read_lcr(self) -> int:
        return self._lcr

    def _write_lcr(self, value: int) -> None:
        self._lcr = value
        self._update()

    def _read_mcr(self) -> int:
        return self._mcr

    def _write_mcr(self, value: int) -> None:
        before = self._modem_inputs()
        self._mcr = value & 0x1F
        after = self._modem_inputs()
        self._deltas |= (before ^ after) >> 4 & ~_TERI | (_TERI if before & ~after & _RI else 0)
        self._refill()
        self._update()

    def _read_lsr(self) -> int:
        value = _EMPTY | _DR if self._fifo else _EMPTY
        if self._overrun:
            value |= _OE
            self._overrun = False
            self._update()
        return value

    def _read_msr(self) -> int:
        value = self._modem_inputs() | self._deltas
        if self._deltas:
            self._deltas = 0
            self._update()
        return value

    def _read_scr(self) -> int:
        return self._scr

    def _write_scr(self, value: int) -> None:
        self._scr = value

    def _write_status(self, value: int) -> None:
        """LSR is for factory tests only, and the deltas of MSR are not for writing either."""

    _READERS = (_read_data, _read_ier, _read_iir, _read_lcr, _read_mcr, _read_lsr, _read_msr, _read_scr)
    _WRITERS = (
        _write_data, _write_ier, _write_fcr, _write_lcr, _write_mcr, _write_status, _write_status, _write_scr
    )  # fmt: skip

    # Inside

    def _cause(self) -> int:
        """The pending interrupt of the highest priority, as bits 3-0 of IIR."""
        ier = self._ier
        if ier & _ELSI and self._overrun:
            return _LINE_STATUS
        if ier & _ERBFI and len(self._fifo) >= self._trigger:
            return _RECEIVED
        if ier & _ERBFI and self._timed_out:
            return _TIMED_OUT
        if ier & _ETBEI and self._thr_empty:
            return _THR_EMPTY
        return _MODEM_STATUS if ier & _EDSSI and self._deltas else _NOTHING

    def _update(self) -> None:
        """After any change of state: drives the line, keeps the time-out alarm, and tells when quiet begins or ends."""
        self._irq.set(self._cause() != _NOTHING and self._mcr & (_OUT2 | _LOOP) == _OUT2)
        if self._ier & _ERBFI and 0 < len(self._fifo) < self._trigger and not self._timed_out:
            if self._alarm.deadline is None:
                self._alarm.set(self._timers.now() + TIME_OUT)
        elif self._alarm.deadline is not None:
            self._alarm.cancel()
        busy = self._overrun or self._mcr & _LOOP or self._lcr & _DLAB
        driven = _DRIVEN if self._fcr else _BYTEWISE
        quiet = _LOUD if busy else driven if self._ier & _ETBEI else _POLLED
        if quiet != self._quiet or bool(self._fifo) is not self._shows_data:
            self._quiet, self._shows_data = quiet, bool(self._fifo)
            self.quiet_changed()

    def _time_out(self) -> None:
        self._timed_out = True
        self._update()

    def _refill(self) -> None:
        """Moves waiting input into the FIFO as far as it fits; in loopback the wire is cut off and input waits."""
        room = self._depth - len(self._fifo)
        if not self._queue or not room or self._mcr & _LOOP or self._mcr & (_DTR | _RTS) == _DTR:
            return
        self._fifo += self._queue[:room]
        del self._queue[:room]
        self._alarm.cancel()
        self._tell_room()

    def _tell_room(self) -> None:
        if self._refused and len(self._queue) <= QUEUE_CAPACITY // 2:
            self._refused = False
            self.room_again()

    def _loop_back(self, data: bytes) -> None:
        self._looped = True
        for value in data:
            if len(self._fifo) < self._depth:
                self._fifo.append(value)
                self._alarm.cancel()
            else:
                self._overrun = True
                if not self._fcr & _FIFO_ENABLE:
                    self._fifo[0] = value  # a lone buffer register is overwritten, a full FIFO keeps what it has

    def _modem_inputs(self) -> int:
        """Bits 7-4 of MSR. In loopback OUT2, OUT1, DTR and RTS stand for DCD, RI, DSR and CTS."""
        mcr = self._mcr
        if not mcr & _LOOP:
            return _CONNECTED
        return (mcr & 0x0C) << 4 | (mcr & 0x01) << 5 | (mcr & 0x02) << 3

    def _set_fcr(self, value: int) -> None:
        """Without the enable bit the chip does not take the others."""
        self._fcr = value & (_FIFO_ENABLE | _FIFO_TRIGGER) if value & _FIFO_ENABLE else 0
        self._depth = _FIFO_DEPTH if self._fcr else 1
        self._trigger = _TRIGGERS[self._fcr >> 6]

    # Lifecycle

    def reset(self) -> None:
        """Power-on. Input still in the queue is on the wire, not in the chip: it stays and arrives afterwards."""
        self._ier = self._lcr = self._mcr = self._scr = self._deltas = 0
        self._divisor = _DIVISOR_9600
        self._overrun = self._thr_empty = False
        self._empty_fifo()
        self._set_fcr(0)
        self._refill()
        self._update()

    def save(self) -> State:
        fields = {name: getattr(self, "_" + name) for name in (*_WIDEST, *_FLAGS)}
        fields |= {"fifo": bytes(self._fifo), "queue": bytes(self._queue), "deadline": self._alarm.deadline}
        return State(_SCHEMA, 1, fields)

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, _SAVED)
        wrong = [name for name, top in _WIDEST.items() if type(fields[name]) is not int or not 0 <= fields[name] <= top]
        wrong += [name for name in _FLAGS if not isinstance(fields[name], bool)]
        depth = _FIFO_DEPTH if fields["fcr"] else 1
        for name, capacity in (("fifo", depth), ("queue", QUEUE_CAPACITY)):
            if not isinstance(fields[name], bytes) or len(fields[name]) > capacity:
                wrong.append(name)
        if fields["deadline"] is not None and type(fields["deadline"]) is not int:
            wrong.append("deadline")
        if wrong:
            raise SnapshotError(f"{_SCHEMA}: out of range: " + ", ".join(f"{name} {fields[name]!r}" for name in wrong))
        for name in (*_WIDEST, *_FLAGS):
            setattr(self, "_" + name, fields[name])
        self._set_fcr(self._fcr)
        self._fifo = bytearray(fields["fifo"])
        self._queue = bytearray(fields["queue"])
        self._alarm.cancel()
        if fields["deadline"] is not None:
            self._alarm.set(fields["deadline"])
        self._update()
        self._tell_room()
