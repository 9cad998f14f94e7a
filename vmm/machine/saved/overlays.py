"""Machines that go on beside the one they come from: each keeps its changes of disks to itself, and has no sockets."""

from __future__ import annotations

from ...errors import ConfigError
from ..disk_options import is_written_outside, parse_disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..config import MachineConfig

WRITABLE_DRIVES = ("fda", "hda", "hdb")


def with_overlays(config: MachineConfig) -> MachineConfig:
    """The same machine with changes to files and block devices kept in memory, and without sockets of the host's."""
    changes: dict[str, object] = {}
    for field in WRITABLE_DRIVES:
        path = getattr(config, field)
        if isinstance(path, str) and path and not path.endswith((",ro", ",overlay")):
            changes[field] = f"{path},overlay"
    if config.vsock:
        changes["vsock"] = config.vsock.partition(",")[0]
    if config.disks:
        changes["disks"] = tuple(_with_overlay(each) for each in config.disks)
    if config.ports:  # whose sockets are the master's
        changes["ports"] = tuple(f"{each.partition('=')[0]}=" for each in config.ports)
    if config.networks:
        from ..net_options import without_network

        changes["networks"] = tuple(without_network(each) for each in config.networks)
    return config.replace(**changes) if changes else config


def expect_forkable(config: MachineConfig) -> None:
    """ConfigError for a disk that cannot be had twice: the tables of such an image change below whoever reads it."""
    for index, disk in enumerate(config.disks):
        if is_written_outside(disk):
            raise ConfigError.of(
                f"disks[{index}]",
                f"{disk!s} is written in place, and a fork would see its tables change: use {disk!s},overlay or ,ro",
            )


def _with_overlay(disk: str | bytes) -> str | bytes:
    return f"{disk},overlay" if isinstance(disk, str) and not parse_disk(disk).manner else disk
