"""From the options of `vmm run` to the machine that they ask for."""

from __future__ import annotations

import os
import sys

from ...errors import ConfigError
from ...machine.config import MachineConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..linux.tree import ArchiveFile

_PASSED_ON = ("mode", "memory", "vcpus", "cpu", "irqchip", "load", "entry", "stack", "format", "unreal", "user",
              "strict", "test_devices", "symbols", "firmware", "fda", "hda", "hdb", "cdrom", "boot",
              "uuid")  # fmt: skip

_ATTACHED = (("disks", "disk"), ("networks", "net"), ("ports", "port"), ("shares", "share"))


def config_of(values: dict[str, Any], plain: list[str], more: tuple[str, ...] = ()) -> MachineConfig:
    """What the values and the plain arguments ask for, with `more` modules. ConfigError for what cannot be."""
    given = {name: values[name] for name in _PASSED_ON if values[name] is not None}
    if values["fw_cfg"]:
        given["fw_cfg"] = tuple(values["fw_cfg"])
    given |= virtio_of(values)
    if values["protocol"] is not None:
        given["boot_protocol"] = values["protocol"]
    if values["direct"] or values["no_direct"]:
        given["direct"] = not values["no_direct"]
    if values["append"] is not None:
        given["command_line"] = values["append"]
    if values["module"] or values["initrd"] is not None or more:
        given["modules"] = (*_modules(values), *more)
    images = [*plain, *filter(None, [values["kernel"], values["guest"]])]
    starts_without = ("firmware", "fda", "hda", "hdb", "cdrom")
    if len(images) != 1 and (images or not any(values[name] for name in starts_without)):
        raise ConfigError.of("", f"{'no' if not images else 'more than one'} image given; usage: vmm run IMAGE")
    common = host_side(values)
    if values["display"] == "text":
        common["display"] = True
    if values["guest"] is not None:
        from .. import guest_run

        return guest_run.config_of(values["guest"]).replace(**common, **given)
    return MachineConfig(image=images[0] if images else "", **common, **given)


def attached(values: dict[str, Any]) -> dict[str, Any]:
    """Those of them that say what of the host's a machine is attached to."""
    return {field: tuple(values[option]) for field, option in _ATTACHED if values[option]}


def virtio_of(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of virtio devices."""
    given: dict[str, Any] = attached(values)
    if values["virtio"] is not None:
        given["virtio"] = values["virtio"]
    if values["memory_max"] is not None:
        given["memory_max"] = values["memory_max"]
    for name in ("rng", "balloon", "vsock"):
        if values[name]:
            given[name] = values[name]
    return given


def host_side(values: dict[str, Any]) -> dict[str, Any]:
    """The fields that are this process's affair, once what is to be written is known to be writable."""
    for field in ("stats_out", "boot_trace_out", "firmware_log", "snapshot"):
        if values[field] is not None:
            from ..whole_file import check_path

            check_path("--" + field.replace("_", "-"), values[field])
    if values["screenshot"] is not None:
        from ..screenshot import check

        check("--screenshot", values["screenshot"])
    if values["display"] == "text" and values["json"]:
        raise ConfigError.of("--display", "not with --json, which has the screen in its document")
    if is_live(values) and values["console"] == "stdio":
        raise ConfigError.of("--display", "a terminal cannot show the screen and --console stdio at once")
    check_symbols(values)
    console = values["console"] or ("capture" if values["display"] == "text" else "stdio")
    return {"console": "capture" if values["json"] and console == "stdio" else console, "warn": warn}


def check_symbols(values: dict[str, Any]) -> None:
    """ConfigError for --symbols FILE that cannot be read."""
    if values["symbols"] is not None:
        from ...observe.symbols import split_offset

        path, _ = split_offset(values["symbols"])
        if not os.access(path, os.R_OK):
            raise ConfigError.of("--symbols", f"cannot read {path}")


def is_live(values: dict[str, Any]) -> bool:
    """Whether the screen is shown while the guest runs: on a terminal that can place a cursor."""
    return values["display"] == "text" and os.isatty(1) and os.environ.get("TERM", "dumb") != "dumb"


def packed(values: dict[str, Any]) -> ArchiveFile:
    """The directories of --dir as one archive, the later above the earlier; to be closed once it is loaded."""
    from ...machine.defaults import MEMORY_OF_LINUX
    from ..linux.tree import ArchiveFile

    archive = ArchiveFile("dir")
    for top in values["dir"]:
        archive.add_directory(top, values["memory"] or MEMORY_OF_LINUX, warn)
    return archive


def _modules(values: dict[str, Any]) -> tuple[str, ...]:
    from ..kut.qemu_words import modules

    return (*(modules(values["initrd"]) if values["initrd"] is not None else ()), *values["module"])


def warn(text: str) -> None:
    """A line of ours on standard error."""
    try:
        sys.stderr.write(f"vmm: {text}\n")
    except OSError:
        return  # nobody listens; the guest goes on
