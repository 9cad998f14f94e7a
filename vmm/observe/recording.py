"""The traffic of a machine's devices in a file, a JSON array a line: written as it happens, read one event at a time.

    {"vmm": "recording", "version": 1, ...}     what was recorded: machine/recorder.py
    ["in", 1021, 1, 96, "com1", 0]              an access: direction, address, size, value or answer, device, vCPU
    ["due"]  ["acknowledge", 8]  ["eoi", 48]    alarms were looked at; the PIC's vector; the end of an interrupt
    ["call", "com1", "feed", "aGk="]            somebody outside did that to a chip
    ["end", 3]                                  how many events came before

An event may have an object last, with what its devices were told and did: "now" and "wall" are clocks that they read
(ns), "memory" what they read of guest memory (base64), "sent" whether a local APIC took a message (0 or 1), "lines"
interrupt lines that they moved, [GSI, level]; GSI -1 is the INT pin of the PIC pair.
"""

from __future__ import annotations

import json

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

VERSION = 1
ACCESSES = ("in", "out", "read", "write")
KINDS = {**dict.fromkeys(ACCESSES, 6), "due": 1, "acknowledge": 2, "eoi": 2, "call": 4}
"""Each kind of event with its length."""
LONGEST = 16 << 20
"""Bytes of a line: a machine's image may be in the first."""
PIC = -1


class Event:
    """One of them."""

    __slots__ = ("around", "kind", "values")

    def __init__(self, kind: str, values: list[Any], around: dict[str, list[Any]]) -> None:
        self.kind = kind
        self.values = values
        self.around = around

    @property
    def is_access(self) -> bool:
        """Whether it is a port or MMIO access."""
        return self.kind in ACCESSES

    def in_words(self) -> str:
        """Such as "in 0x3fd size 1 -> 0x60  com1"."""
        if not self.is_access:
            return " ".join(map(str, (self.kind, *self.values)))
        address, size, value, device, vcpu = self.values
        arrow = "->" if self.kind in ("in", "read") else "<-"
        return f"vCPU {vcpu}  {self.kind:<5} {address:#x} size {size} {arrow} {value:#x}  {device or 'nobody'}"


class Reader:
    """A recording. `is_whole` tells, once all was read, whether it has its end."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """ConfigError for what is no recording of this version."""
        self._file, self._name, self._line = file, name, 1
        self.is_whole = False
        header = self._parsed(file.readline(LONGEST))
        if not isinstance(header, dict) or header.get("vmm") != "recording":
            raise ConfigError.of(name, "it is no recording of vmm run --record")
        if header.get("version") != VERSION:
            raise ConfigError.of(name, f"it is of version {header.get('version')!r}, this vmm reads {VERSION}")
        self.header: dict[str, Any] = header

    def _parsed(self, line: bytes) -> Any:
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise ConfigError.of(self._name, f"line {self._line} is damaged: no JSON") from None

    def events(self) -> Iterator[Event]:
        """All of them, up to the end or to where the file was cut off. ConfigError for a line that is none."""
        count = 0
        while line := self._file.readline(LONGEST):
            self._line += 1
            if not line.endswith(b"\n"):
                return  # cut off while it was written
            found = self._parsed(line)
            if not isinstance(found, list) or not found:
                raise ConfigError.of(self._name, f"line {self._line} is damaged: no event")
            if found[0] == "end":
                if found[1:] != [count]:
                    raise ConfigError.of(self._name, f"its end tells of {found[1:]} events, there are {count}")
                self.is_whole = True
                return
            yield self._event(found)
            count += 1

    def _event(self, found: list[Any]) -> Event:
        around = found.pop() if isinstance(found[-1], dict) else {}
        kind, *values = found
        good = kind in KINDS and len(found) == KINDS[kind]
        if good and kind in ACCESSES:
            good = [type(value) for value in values] == [int, int, int, str, int]
            good = good and min(values[0], values[2]) >= 0 and values[1] in (1, 2, 4, 8)
        elif good and kind == "call":
            good = all(isinstance(value, str) for value in values)
        elif good:
            good = all(type(value) is int for value in values)
        if not good or not all(isinstance(each, list) for each in around.values()):
            raise ConfigError.of(self._name, f"line {self._line} is damaged: no such event")
        return Event(kind, values, around)
