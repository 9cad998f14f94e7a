"""Writes a machine that stands still to a file, whole or as what has changed since the last one."""

from __future__ import annotations

import os

from ...engine.kvm_host import cpu_name, kind
from ...errors import ConfigError
from ...memory import image, pages
from ...memory.pages import PAGE
from ...records import Record
from . import files
from .snapshot import Parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...engine.protocol import DirtyLog
    from ...memory.guest_memory import GuestMemory
    from ...memory.image import CheckedRun
    from ...memory.pages import Run
    from .machine_state import MachineState


class Track(Record):
    """What a machine is known to be since some moment."""

    path: str
    """The snapshot of that moment."""
    id: str
    log: DirtyLog | None
    """Notes what was written since."""
    is_laid_over: bool
    """Whether the memory lies over images of that moment, so that its own pages are those written since."""


def save(
    path: str, capture: Callable[[], MachineState], engine: Any, memory: GuestMemory, track: Track | None,
    note: bool, differential: bool,
) -> Track:  # fmt: skip
    """The snapshot as the machine's new track. Errors as of Machine.snapshot()."""
    place = os.path.realpath(path)
    runs: list[list[Run]] | None = None
    parent = None
    if differential:
        if track is None or (track.log is None and not track.is_laid_over):
            raise ConfigError.of(
                "differential", "the machine has not noted what was written since a snapshot: take that one with track"
            )
        if place in [each for each, _ in files.read_chain(track.path)]:
            raise ConfigError.of("path", f"{path} is one that this snapshot adds to: give it another name")
        parent = Parent(path=os.path.relpath(track.path, os.path.dirname(place)), id=track.id)
        runs = _written(memory, track)

    def fields() -> tuple[MachineState, dict[str, object], dict[str, str]]:
        state = capture()
        needs = engine.needs(state.engine)
        return state.replace(engine=engine.state_to_fields(state.engine)), needs, _host()

    def write_memory(fd: int) -> list[CheckedRun]:
        return image.write(memory, fd) if runs is None else image.write_runs(memory, runs, fd)

    log = engine.log_writes(memory) if note else None
    snapshot = files.write(place, fields, [len(mapping) for mapping in memory.mappings], write_memory, parent)
    if log is not None:
        log.forget()
    return Track(path=place, id=snapshot.id, log=log, is_laid_over=False)


def _written(memory: GuestMemory, track: Track) -> list[list[Run]]:
    if track.log is None:
        return [pages.own_runs(mapping) for mapping in memory.mappings]
    runs = []
    for mapping, numbers in zip(memory.mappings, track.log.pages(), strict=True):
        marks = bytearray(len(mapping) // PAGE)
        for number in numbers:
            marks[number] = 1
        runs.append(pages.marked_runs(marks))
    return runs


def _host() -> dict[str, str]:
    return {"kind": kind(), "kernel": os.uname().release, "cpu": cpu_name()}
