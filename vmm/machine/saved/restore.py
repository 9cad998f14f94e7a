"""Makes a machine from a snapshot: its memory mapped from the image, nothing read that the guest does not touch."""

from __future__ import annotations

import os
import time

from ...engine.kvm_needs import lacking, lacking_clock
from ...engine.kvm_pages import lay_over
from ...errors import ConfigError, SnapshotError, nearest
from ...memory import image
from ...memory.image import FileImage
from ...units import SECOND
from ..validate import validate
from . import files, memory_file, working_set
from .save import Track

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ...memory.guest_memory import GuestMemory
    from ..saving import Saving
    from .snapshot import Snapshot

    M = TypeVar("M", bound=Saving)

CHANGEABLE = (
    "console", "warn", "symbols", "fda", "hda", "hdb", "cdrom", "disks", "networks", "ports", "shares", "firmware",
)  # fmt: skip
CLOCKS = ("still", "on")


def restore(
    kind: type[M], path: str, clock: str, set_up: Callable[[M], None] | None, verify: bool | None,
    changes: dict[str, Any],
) -> M:  # fmt: skip
    """See Machine.restore()."""
    if clock not in CLOCKS:
        raise ConfigError.of("clock", f'"still" or "on", not {clock!r}{nearest(str(clock), CLOCKS)}')
    unknown = [name for name in changes if name not in CHANGEABLE]
    if unknown:
        known = f"a saved machine's cannot be changed; {', '.join(CHANGEABLE)} can"
        raise ConfigError([(name, known) for name in unknown])
    chain = files.read_chain(path)
    place, top = chain[-1]
    if lacking(top.needs["features"], top.needs["capabilities"]):
        _refuse(path, missing_here(top))
    config = top.state.config.replace(**changes)
    validate(config)
    elapsed = max(time.time_ns() - top.state.wall_ns, 0) / SECOND if clock == "on" else 0.0

    note = working_set.path_of(place, top.memory.id)

    is_noted = False

    def fill(memory: GuestMemory) -> None:
        nonlocal is_noted
        _fill(memory, chain, verify)
        is_noted = working_set.bring_in(memory, note)

    def prepare(machine: M) -> None:
        _refuse(path, lacking_clock(machine._engine, top.needs["tsc_khz"]))
        expect_same_files(machine, top, changes)
        if set_up is not None:
            set_up(machine)

    machine = kind.made_from(top.state.replace(config=config), fill, elapsed, prepare)
    if not is_noted and not machine.memory.is_shared:
        working_set.note_soon(machine.memory, machine._board.timers, note)
    machine.track = Track(path=place, id=top.id, log=None, is_laid_over=not machine.memory.is_shared)
    return machine


def expect_same_files(machine: Saving, saved: Snapshot, changes: dict[str, Any]) -> None:
    """A drive that the user names now is theirs to answer for; the others must be as they were."""
    for field, disk in machine._board.drives.items():
        if field.partition("[")[0] not in changes and field in saved.state.disks:
            try:
                disk.expect_unwritten(saved.state.disks[field])
            except SnapshotError as error:
                raise SnapshotError(f"{field}: {error}; if that is meant, name it again") from error


def _refuse(path: str, missing: list[str]) -> None:
    if missing:
        raise SnapshotError(f"{path} needs what this host has not: {'; '.join(missing)}")


def missing_here(snapshot: Snapshot) -> list[str]:
    """What the snapshot needs and this host has not, in words. HostError where there is no usable KVM."""
    needs = snapshot.needs
    return lacking(needs["features"], needs["capabilities"], needs["tsc_khz"])


def _fill(memory: GuestMemory, chain: list[tuple[str, Snapshot]], verify: bool | None) -> None:
    """Lays the memory over the first image and reads what the others add."""
    (place, full), *others = chain
    sizes = [len(mapping) for mapping in memory.mappings]
    if tuple(sizes) != full.memory.sizes:
        raise SnapshotError(f"{place}: its memory is in mappings of {full.memory.sizes}, this machine's of {sizes}")
    base = FileImage(memory_file.open_image(os.path.dirname(place), full.memory, verify), sizes)
    lay_over(memory, base)
    for path, snapshot in others:
        fd = memory_file.open_image(os.path.dirname(path), snapshot.memory, verify)
        try:
            image.read_runs(memory, ((offset, size) for offset, size, _ in snapshot.memory.runs), fd)
        except (OSError, EOFError) as error:
            raise SnapshotError(f"{path}: its memory cannot be read: {error}") from error
        finally:
            os.close(fd)
