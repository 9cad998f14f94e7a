"""The timeline of a run as Chrome trace events, which Perfetto and chrome://tracing open: records in, JSON out.

Each vCPU is a track of slices, in turn the guest and who handled its exit; a virtio device has one, of requests. What
happens at one moment (serial lines, POST codes, interrupt lines) stands on tracks of its own. Not modelled: flows,
counters.
Source: "Trace Event Format" (Google, 2016); times there are microseconds.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from .exit_filter import ExitFilter
from .request_trace import on_tracks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .request_trace import TracedRequest

SCHEMA, VERSION = "vmm.trace", 1
PID = 1
INTERRUPTS, CONSOLE, PRINTK, POST = 1001, 1002, 1003, 1004
"""Track ids beside the vCPUs', which are their numbers + 1."""
TRACKS = {INTERRUPTS: "interrupts", CONSOLE: "com1", PRINTK: "printk", POST: "POST codes"}
_PRINTK = re.compile(r"\[ *\d+\.\d{6}\] ?")
PATIENCE = 64
"""Writes to the console's port that are no text (a divisor) which a search for a byte passes over."""


class TracedExit(NamedTuple):
    """One exit: when the guest was entered, when it left, when it went on. Times in ns since the machine was made."""

    vcpu: int
    entered_ns: int
    left_ns: int
    resumed_ns: int | None
    """None for an exit after which the guest has not gone on."""
    reason: str
    direction: str
    address: int | None
    size: int
    device: str
    value: int
    """Written, or what a read was answered with."""
    elements: int
    rip: int

    @property
    def name(self) -> str:
        """ "com1 out 0x3f8", "out 0x99", "hlt"."""
        parts = [self.device, self.direction or self.reason, "" if self.address is None else f"{self.address:#x}"]
        return " ".join(filter(None, parts))


class Mark(NamedTuple):
    """Something at one moment."""

    at_ns: int
    track: int
    name: str


def serial_lines(chunks: Iterable[tuple[int, bytes]], exits: Iterable[TracedExit], port: int) -> list[Mark]:
    """One mark for each line of a serial port, at the time of the exit that wrote its last byte.

    `chunks` are (when heard, what was said): a quiet location is heard of late, and its exits know better.
    """
    writes = [exit for exit in exits if exit.address == port and exit.direction == "out" and exit.elements == 1]
    text = bytearray()
    times = []
    for at, said in chunks:
        text += said
        times += [at] * len(said)
    place = len(writes) - 1
    for index in range(len(text) - 1, -1, -1):  # backwards: the ring may have lost the oldest exits
        for back in range(place, max(place - PATIENCE, -1), -1):
            if writes[back].value & 0xFF == text[index] and writes[back].left_ns <= times[index]:
                times[index], place = writes[back].left_ns, back - 1
                break
    marks, start = [], 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) - 1 if end < 0 else end
        line = text[start : end + 1].decode("utf-8", "replace").rstrip("\r\n")
        if line:
            marks.append(Mark(times[end], PRINTK if _PRINTK.match(line) else CONSOLE, line))
        start = end + 1
    return marks


def post_codes(exits: Iterable[TracedExit]) -> list[Mark]:
    """One mark for each POST code."""
    return [
        Mark(exit.left_ns, POST, f"POST {exit.value & 0xFF:#04x}")
        for exit in exits
        if exit.device == "post" and exit.direction == "out"
    ]


def events(
    exits: Iterable[TracedExit],
    marks: Iterable[Mark],
    wanted: ExitFilter | None = None,
    requests: Iterable[TracedRequest] = (),
) -> Iterator[dict[str, Any]]:
    """The trace events. With `wanted` the slices of other exits are left out, their guest time with them."""
    wanted = wanted or ExitFilter()
    yield _named("process_name", 0, "vmm")
    tracks = set()
    for exit in exits:
        if not wanted.takes(exit.reason, exit.direction, exit.address, exit.device, exit.rip):
            continue
        track = exit.vcpu + 1
        if track not in tracks:
            tracks.add(track)
            yield _named("thread_name", track, f"vCPU {exit.vcpu}")
        yield _slice("guest", "guest", track, exit.entered_ns, exit.left_ns, {"rip": hex(exit.rip)})
        detail = {"rip": hex(exit.rip), "value": hex(exit.value), "size": exit.size, "elements": exit.elements}
        if exit.resumed_ns is None:
            yield _moment(exit.name, exit.reason, track, exit.left_ns, detail)
        else:
            yield _slice(exit.name, exit.device or exit.reason, track, exit.left_ns, exit.resumed_ns, detail)
    for track, name, request in on_tracks(requests):
        if track not in tracks:
            tracks.add(track)
            yield _named("thread_name", track, name)
        detail = {"queue": request.queue, "bytes": request.size, "written": request.written}
        yield _slice(request.name, "virtio", track, request.began_ns, request.ended_ns, detail)
    for mark in marks:
        if mark.track not in tracks:
            tracks.add(mark.track)
            yield _named("thread_name", mark.track, TRACKS[mark.track])
        yield _moment(mark.name, TRACKS[mark.track], mark.track, mark.at_ns, {})


def to_json(found: Iterable[dict[str, Any]], lost: int = 0) -> str:
    """The document: one event a line. `lost` exits were older than the ring holds."""
    other = {"schema": SCHEMA, "version": VERSION, "lost_exits": lost}
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in found)
    return f'{{"displayTimeUnit":"ns","otherData":{json.dumps(other)},"traceEvents":[\n{lines}\n]}}\n'


def _named(kind: str, track: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": PID, "tid": track, "ts": 0, "args": {"name": name}}


def _slice(name: str, category: str, track: int, start: int, end: int, detail: dict[str, Any]) -> dict[str, Any]:
    """It ends 1 ns before the next begins: readers take these numbers as fractions or cut them to whole nanoseconds,
    and of two slices that then overlap they drop one."""
    return {"ph": "X", "name": name, "cat": category, "pid": PID, "tid": track, "ts": start / 1000,
            "dur": max(end - start - 1, 0) / 1000, "args": detail}  # fmt: skip


def _moment(name: str, category: str, track: int, at: int, detail: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "i", "s": "t", "name": name, "cat": category, "pid": PID, "tid": track, "ts": at / 1000,
            "args": detail}  # fmt: skip
