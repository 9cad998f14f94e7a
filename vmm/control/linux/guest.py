"""A Linux guest that runs one command, as a machine for programs: what `vmm linux -- COMMAND` boots."""

from __future__ import annotations

from ...errors import HostError
from ...machine.config import MachineConfig
from ..doctor.linux import REMEDY, obstacle
from . import drivers, payload, source, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def linux_config(
    command: Sequence[str], kernel: str | None = None, initrd: str | None = None, flavour: str = "cloud",
    modules: tuple[str, ...] = (), directories: Sequence[str] = (), words: str = "quiet loglevel=1", **fields: Any,
) -> tuple[MachineConfig, tree.ArchiveFile]:  # fmt: skip
    """(config, archive to be closed once the machine is made) of a Linux that runs `command` and ends with its exit
    status.

    `kernel` and `initrd` are files of your own, by default Debian's `flavour` and a small system with busybox and
    `modules`, and those that virtio devices need. What is in `directories` is added to its root. `words` are for the
    kernel's command line; `fields` are MachineConfig's. HostError where stock Linux does not boot, or no kernel can be
    had.
    """
    trouble = obstacle()
    if trouble:
        raise HostError(trouble, REMEDY)
    if kernel is None or initrd is None:
        fetched = source.fetch(flavour, (*drivers.of(fields), *modules))
        kernel, initrd = kernel or fetched[0], initrd or fetched[1]
    fields.setdefault("memory", 256 << 20)
    archive = tree.ArchiveFile("initramfs")
    for top in directories:
        archive.add_directory(top, fields["memory"], fields.get("warn") or (lambda words: None))
    archive.add_members(payload.members(command, payload.NONE, None, ""))
    return MachineConfig(image=kernel, modules=(initrd, archive.path), command_line=f"+{words}", **fields), archive
