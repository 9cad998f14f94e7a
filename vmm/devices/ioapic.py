"""I/O APIC: 24 inputs, each with an entry that says what message an edge or a level there sends to the local APICs.

Guest side: an index at offset 0x00 and a window at 0x10 onto the identity, the version and the redirection entries;
a write of a vector to 0x40 ends its interrupts, as a local APIC does. Host side: `set_input()` and `end_of_interrupt()`
in, the callables `send` and `watch` out. Level entries keep the remote IRR from the message until the end.

An input is asserted or not, whatever polarity its entry has. As on the chip, edges at a masked input are forgotten, and
an entry that becomes edge-triggered loses its remote IRR (kernels get rid of a stuck one that way).
Not modelled: the APIC bus with its arbitration and delivery status; ExtINT entries, whose vector nobody would ask for.
Source: Intel 82093AA datasheet 290566; ICH9 datasheet 316972 section 13.5 for version 20h and the EOI register.
"""

from __future__ import annotations

from ..bits import field, mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Message = tuple[int, int]
    """(address, data) of a write that the local APICs take for an interrupt."""

INPUTS = 24
INDEX, WINDOW, END = 0x00, 0x10, 0x40
IDENTITY, VERSION, ARBITRATION, ENTRIES = 0x00, 0x01, 0x02, 0x10
REMOTE_IRR, LEVEL, MASKED = 1 << 14, 1 << 15, 1 << 16
MESSAGES = 0xFEE0_0000
"""Where local APICs listen (Intel SDM volume 3A section 11.11): address bits of a message, not of a device."""

VERSION_NUMBER = 0x20
"""With an EOI register."""
_VERSION = INPUTS - 1 << 16 | VERSION_NUMBER
_WRITABLE = 0xFF00_0000 << 32 | MASKED | LEVEL | 1 << 13 | 0xFFF
_IDENTITY = 0x0F00_0000
_FIXED, _LOWEST = 0, 1
_FIELDS = ("index", "identity", "lines", "entries", "sent")
_SCHEMA = "vmm.ioapic"


class IoApic(Device):
    """The chip. `send(address, data)` sends a message and says whether a local APIC took it.

    `watch(messages)` is told which messages have an end that end_of_interrupt() must hear of: those of the level
    entries, and those on their way by entries that lead elsewhere now. At most two for each input.
    """

    name = "ioapic"

    def __init__(self, send: Callable[[int, int], bool], watch: Callable[[frozenset[Message]], None]) -> None:
        self._send = send
        self._watch = watch
        self._watched: frozenset[Message] = frozenset()
        self._power_on()

    def _power_on(self) -> None:
        self._index = self._identity = self._lines = 0
        self._entries = [MASKED] * INPUTS
        self._sent = [0] * INPUTS
        """What an entry with the remote IRR was when it sent its message; else 0."""

    def set_input(self, gsi: int, level: bool) -> None:
        """Drives input `gsi`; there is none beyond 23."""
        if gsi >= INPUTS:
            return
        bit = 1 << gsi
        before = self._lines
        self._lines = before | bit if level else before & ~bit
        if level and not before & bit:
            self._serve(gsi)

    def end_of_interrupt(self, vector: int) -> None:
        """A local APIC, or the guest by the register at 0x40, has ended `vector`: inputs that are still up go again."""
        for gsi, entry in enumerate(self._entries):
            if entry & REMOTE_IRR and entry & 0xFF == vector:
                sent, self._sent[gsi] = self._sent[gsi], 0
                self._entries[gsi] = entry & ~REMOTE_IRR
                if message(sent) != message(entry):
                    self._tell()
                self._serve_level(gsi)

    def _serve(self, gsi: int) -> None:
        """The input is up, just now or still: sends its message unless masked or not ended yet."""
        entry = self._entries[gsi]
        if not entry & (MASKED | REMOTE_IRR) and self._send(*message(entry)) and _is_level(entry):
            self._entries[gsi] = entry | REMOTE_IRR
            self._sent[gsi] = entry

    def _serve_level(self, gsi: int) -> None:
        if self._lines >> gsi & 1 and _is_level(self._entries[gsi]):
            self._serve(gsi)

    def read(self, offset: int, size: int) -> int:
        """The low bytes of a register; 0 where there is none."""
        if offset == INDEX:
            return self._index & mask(size)
        return self._register(self._index) & mask(size) if offset == WINDOW else 0

    def _register(self, index: int) -> int:
        if ENTRIES <= index < ENTRIES + 2 * INPUTS:
            return self._entries[index - ENTRIES >> 1] >> 32 * (index & 1) & mask(4)
        return {IDENTITY: self._identity, VERSION: _VERSION, ARBITRATION: self._identity}.get(index, 0)

    def write(self, offset: int, size: int, value: int) -> None:
        """A register is written whole: bytes that a narrow access lacks are zeros."""
        if offset == INDEX:
            self._index = value & 0xFF
        elif offset == END:
            self.end_of_interrupt(value & 0xFF)
        elif offset == WINDOW:
            index = self._index
            if index == IDENTITY:
                self._identity = value & _IDENTITY
            elif ENTRIES <= index < ENTRIES + 2 * INPUTS:
                self._redirect(index - ENTRIES >> 1, 32 * (index & 1), value & mask(4))

    def _redirect(self, gsi: int, shift: int, value: int) -> None:
        """Takes half of an entry."""
        touched = mask(4) << shift & _WRITABLE
        entry = self._entries[gsi] & ~touched | value << shift & touched
        if not _is_level(entry):
            entry &= ~REMOTE_IRR
            self._sent[gsi] = 0
        self._entries[gsi] = entry
        self._tell()
        self._serve_level(gsi)

    def _tell(self) -> None:
        watched = frozenset(message(entry) for entry in self._entries + self._sent if _is_level(entry))
        if watched != self._watched:
            self._watched = watched
            self._watch(watched)

    def reset(self) -> None:
        """All inputs masked; those that are up stay so."""
        lines = self._lines
        self._power_on()
        self._lines = lines
        self._tell()

    def save(self) -> State:
        values = (self._index, self._identity, self._lines, list(self._entries), list(self._sent))
        return State(_SCHEMA, 1, dict(zip(_FIELDS, values, strict=True)))

    def load(self, state: State) -> None:
        """Becomes the chip that was saved. It sends nothing: what it had sent is in the local APICs' own state."""
        fields = state.expect(_SCHEMA, 1, _FIELDS)
        entries, sent = fields["entries"], fields["sent"]
        for name in ("entries", "sent"):
            if not isinstance(fields[name], list) or len(fields[name]) != INPUTS:
                raise SnapshotError(f"{_SCHEMA}: {name} cannot be {fields[name]!r}")
        limits = {"index": 0xFF, "identity": _IDENTITY, "lines": (1 << INPUTS) - 1}
        values = [(name, fields[name], legal) for name, legal in limits.items()]
        values += [(f"entry {gsi}", entry, _WRITABLE | REMOTE_IRR) for gsi, entry in enumerate(entries)]
        values += [(f"sent {gsi}", entry, _WRITABLE) for gsi, entry in enumerate(sent)]
        for name, value, legal in values:
            if type(value) is not int or value & ~legal:
                raise SnapshotError(f"{_SCHEMA}: {name} cannot be {value!r}")
        for gsi, entry in enumerate(entries):
            if (entry & REMOTE_IRR and not _is_level(entry)) or bool(entry & REMOTE_IRR) is not _is_level(sent[gsi]):
                raise SnapshotError(f"{_SCHEMA}: entry {gsi}: its bits contradict each other")
        self._index, self._identity, self._lines = (fields[name] for name in limits)
        self._entries, self._sent = list(entries), list(sent)
        self._tell()


def message(entry: int) -> Message:
    """What an entry sends: destination and its mode in the address; vector, delivery mode and trigger in the data."""
    address = MESSAGES | field(entry, 56, 8) << 12 | field(entry, 11) << 2
    return address, entry & (LEVEL | 0x7FF) | (REMOTE_IRR if entry & LEVEL else 0)  # bit 14 there: the level is up


def _is_level(entry: int) -> bool:
    """Whether the entry waits for an end: edges do not, nor do NMI and the like, which have none."""
    return bool(entry & LEVEL) and field(entry, 8, 3) in (_FIXED, _LOWEST)
