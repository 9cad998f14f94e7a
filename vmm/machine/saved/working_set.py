"""What a restored machine touched first: noted once beside its snapshot, and brought in at once the next time.

A restored guest meets a page fault for each page it touches, from the disk when the image is not in the host's memory;
those of its first moments are nearly the same each time. The note is a help and nothing more: where it cannot be
written or read, the guest does without.
"""

from __future__ import annotations

import os

from ...errors import SnapshotError
from ...memory import pages
from ...units import MILLISECOND
from . import memory_file
from .sealed import seal, unseal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...bus.timers import Timers
    from ...memory.guest_memory import GuestMemory
    from ...memory.pages import Run

KIND = "vmm-touched"
AFTER = 300 * MILLISECOND
"""Guest time after which is noted what was touched: start-up, and not the day's work."""
MOST = 1 << 20
"""Bytes of a note."""


def path_of(place: str, image_id: str) -> str:
    """The note beside the snapshot at `place`."""
    return f"{place}.{image_id}{memory_file.WORKING_SET}"


def bring_in(memory: GuestMemory, path: str) -> bool:
    """Has the host map what the note at `path` tells of; whether there is one. Before KVM has the memory: then nobody
    need be told of what is copied."""
    note = _read(path, [len(mapping) for mapping in memory.mappings])
    if note is None:
        return False
    touched, written = note
    for runs, for_writing in ((touched, False), (written, True)):
        for mapping, some in zip(memory.mappings, runs, strict=True):
            for offset, size in some:
                pages.populate(mapping, offset, size, for_writing)
    return True


def read(path: str, sizes: Sequence[int]) -> list[Run]:
    """What the note at `path` tells of, for mappings of `sizes`, in the image; nothing where there is none."""
    note = _read(path, sizes)
    if note is None:
        return []
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    return [(start + offset, size) for start, some in zip(starts, note[0], strict=True) for offset, size in some]


def _read(path: str, sizes: Sequence[int]) -> tuple[list[list[Run]], list[list[Run]]] | None:
    """(touched, written) of each mapping."""
    try:
        with open(path, "rb") as file:
            note = unseal(KIND, file.read(MOST), path)
        touched, written = note["touched"], note["written"]
    except (OSError, SnapshotError, KeyError):
        return None
    for runs in (touched, written):
        if not isinstance(runs, list) or len(runs) != len(sizes) or not all(map(_is_sound, runs, sizes)):
            return None
    return touched, written


def _is_sound(runs: object, size: int) -> bool:
    return isinstance(runs, list) and all(
        isinstance(run, list)
        and [type(number) for number in run] == [int, int]
        and not (run[0] | run[1]) % pages.PAGE
        and 0 <= run[0] < run[0] + run[1] <= size
        for run in runs
    )


def note_soon(memory: GuestMemory, timers: Timers, path: str) -> None:
    """Notes at `path` what was touched, when the guest has run for a moment."""

    def note() -> None:
        from contextlib import suppress  # it costs as much as all of this room

        touched: list[list[Run]] = [pages.present_runs(mapping) for mapping in memory.mappings]
        written: list[list[Run]] = [pages.own_runs(mapping) for mapping in memory.mappings]
        arriving = f"{path}{memory_file.TEMPORARY}"
        with suppress(OSError):
            with open(arriving, "wb") as file:
                file.write(seal(KIND, {"touched": touched, "written": written}))
            os.rename(arriving, path)

    timers.alarm(note).set(timers.now() + AFTER)
