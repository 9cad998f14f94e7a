"""Checks of a MachineConfig before anything is made: all breaches at once, each with its field."""

from __future__ import annotations

from ..errors import ConfigError, nearest
from ..units import format_size
from . import layout
from .config import AUTO, CONSOLES, IRQCHIPS, MODES, PROTOCOLS, TRANSPORTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .config import MachineConfig

MOST_VCPUS = 64
LONGEST_FW_CFG_NAME = 55
LONGEST_PORT_NAME, MOST_PORTS = 63, 15
NO_DRIVES = [""] * 4


def validate(config: MachineConfig) -> None:
    """ConfigError with every breach found."""
    breaches = list(_breaches(config))
    if breaches:
        raise ConfigError(breaches)


def _one_of(path: str, value: object, known: tuple[str, ...]) -> list[tuple[str, str]]:
    if value in known:
        return []
    return [(path, f"{value!r} is not one of {', '.join(known)}{nearest(str(value), known)}")]


def _breaches(config: MachineConfig) -> list[tuple[str, str]]:
    """What the user left alone is passed over in one step: machines that live for a millisecond come this way too."""
    found: list[tuple[str, str]] = []
    drives = [config.fda, config.hda, config.hdb, config.cdrom]
    if not isinstance(config.image, (str, bytes)) or not (config.image or config.firmware or any(drives)):
        found.append(("image", "a path or bytes is needed, or a drive to boot from"))
    for path in ("fda", "hda", "hdb", "cdrom") if drives != NO_DRIVES else ():
        if not isinstance(getattr(config, path), (str, bytes)):
            found.append((path, f'"PATH", "PATH,ro", "PATH,overlay" or bytes, not {getattr(config, path)!r}'))
    if config.virtio != "mmio":
        found += _one_of("virtio", config.virtio, TRANSPORTS)
        if config.virtio == "pci" and (config.firmware or config.pc_testdev):
            found.append(("virtio", "firmware and pc_testdev have a PCI bus of their own: mmio"))
        if config.virtio == "pci" and config.irqchip in ("user", "none"):
            found.append(("virtio", "on PCI interrupts are messages to local APICs: irqchip kernel or split"))
    if config.disks:
        found += _disks(config.disks)
    if config.networks:
        found += _networks(config.networks)
    if config.ports:
        found += _ports(config.ports)
    if config.memory_max != 0:
        found += _memory_max(config)
    if config.shares:
        from .share_options import breaches

        found += breaches(config.shares)
    if config.boot != "":
        found += _boot(config.boot)
    if config.has_bios and isinstance(config.image, str):
        found += _bios(config)
    if config.firmware:
        found += _firmware(config)
    if config.fw_cfg:
        found += _fw_cfg(config.fw_cfg)
    if config.uuid:
        found += _uuid(config.uuid)
    if config.mode is not None:
        found += _one_of("mode", config.mode, MODES)
    if config.boot_protocol:
        found += _one_of("boot_protocol", config.boot_protocol, PROTOCOLS)
        if config.direct is False and config.boot_protocol == "pvh":
            found.append(("direct", "PVH starts an ELF file: a bzImage must be unpacked for it"))
        if config.direct and config.boot_protocol == "linux32":
            found.append(("direct", "the 32-bit entry is the bzImage's own: nothing is unpacked here for it"))
    if config.irqchip not in IRQCHIPS:
        found += _one_of("irqchip", config.irqchip, IRQCHIPS)
    if isinstance(config.console, str):
        found += _one_of("console", config.console, CONSOLES)
    if config.memory != AUTO:
        found += _memory(config.memory)
    if not (_is_whole(config.vcpus) and 1 <= config.vcpus <= MOST_VCPUS):
        found.append(("vcpus", f"from 1 to {MOST_VCPUS}, not {config.vcpus!r}"))
    if config.unreal and config.mode not in (None, "real"):
        found.append(("unreal", f"needs real mode, not {config.mode}"))
    if config.user and config.mode in (None, "real"):
        found.append(("user", "ring 3 needs protected, paged or long mode"))
    for path in ("load", "entry", "stack") if not (config.load is config.entry is config.stack is None) else ():
        value = getattr(config, path)
        if value is not None and not (_is_whole(value) and 0 <= value <= layout.PHYSICAL_LIMIT):
            shown = f"{value:#x}" if _is_whole(value) else repr(value)
            found.append((path, f"{shown} is not a guest physical address"))
    return found


def _disks(disks: object) -> list[tuple[str, str]]:
    from .disk_options import parse_disk

    if not isinstance(disks, tuple):
        return [("disks", f"a tuple is needed, not {disks!r}")]
    found = []
    for index, disk in enumerate(disks):
        field = f"disks[{index}]"
        if not isinstance(disk, (str, bytes)):
            found.append((field, f'"FILE[,ro][,overlay][,serial=S][,queues=N]" or bytes, not {disk!r}'))
        elif isinstance(disk, str):
            try:
                parse_disk(disk, field)
            except ConfigError as error:
                found += error.breaches
    return found


def _networks(networks: object) -> list[tuple[str, str]]:
    from .net_options import FORM, parse_net

    if not isinstance(networks, tuple):
        return [("networks", f"a tuple is needed, not {networks!r}")]
    found = []
    for index, network in enumerate(networks):
        field = f"networks[{index}]"
        if not isinstance(network, str):
            found.append((field, f"{FORM}, not {network!r}"))
            continue
        try:
            parse_net(network, field)
        except ConfigError as error:
            found += error.breaches
    return found


def _ports(ports: object) -> list[tuple[str, str]]:
    if not isinstance(ports, tuple):
        return [("ports", f"a tuple is needed, not {ports!r}")]
    found: list[tuple[str, str]] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        name, equals, _ = port.partition("=") if isinstance(port, str) else ("", "", "")
        if not equals or not 1 <= len(name) <= LONGEST_PORT_NAME or not name.isascii():
            found.append(
                (f"ports[{index}]", f'"NAME=PATH", a name of {LONGEST_PORT_NAME} ASCII characters, not {port!r}')
            )
        elif name in names:
            found.append((f"ports[{index}]", f"there is a port {name} already"))
        names.add(name)
    if len(ports) > MOST_PORTS:
        found.append(("ports", f"{MOST_PORTS} at most, not {len(ports)}"))
    return found


def _boot(order: object) -> list[tuple[str, str]]:
    if not isinstance(order, str):
        return [("boot", f"letters are needed, not {order!r}")]
    if set(order) - set("acd") or len(set(order)) < len(order):
        return [("boot", f"letters of a (floppy), c (hard disk), d (CD-ROM), each once, not {order!r}")]
    return []


def _bios(config: MachineConfig) -> list[tuple[str, str]]:
    """What a machine that starts from a drive cannot be."""
    found = [
        (path, "is for images; a drive starts by the BIOS, in real mode at its boot sector")
        for path in ("mode", "load", "entry", "stack", "format")
        if getattr(config, path) is not None and not (path == "format" and config.is_kernel)
    ]
    if not config.is_kernel:
        extras = (("command_line", config.command_line), ("modules", config.modules))
        found += [(path, "is for kernels; a boot sector takes none") for path, value in extras if value]
    if config.irqchip == "none":
        found.append(("irqchip", "the BIOS needs interrupts: user, kernel or split"))
    if config.vcpus != 1 and config.irqchip == "user":
        found.append(("vcpus", "the BIOS starts one; that the guest may start others takes irqchip kernel or split"))
    if _is_whole(config.memory) and 0 < config.memory < layout.LEAST_FOR_BIOS:
        found.append(("memory", f"a machine with a BIOS has {format_size(layout.LEAST_FOR_BIOS)} at least"))
    return found


def _firmware(config: MachineConfig) -> list[tuple[str, str]]:
    """What a machine that starts from a ROM cannot have besides."""
    found = []
    if config.image:
        found.append(("firmware", "starts the machine from its reset vector: give a drive to boot, not an image"))
    if config.fda:
        found.append(("fda", "a ROM finds no floppy controller here: give the disk as hda, or use our own BIOS"))
    least = layout.LEAST_MEMORY_OF_FIRMWARE
    if _is_whole(config.memory) and 0 < config.memory < least:
        found.append(("memory", f"with firmware at least {format_size(least)} are needed"))
    if config.irqchip == "user" and config.vcpus > 1:
        found.append(("irqchip", "firmware wakes further vCPUs through their local APICs, which are the kernel's"))
    return found


def _uuid(text: str) -> list[tuple[str, str]]:
    digits = [character in "0123456789abcdefABCDEF" for character in text.replace("-", "")]
    if [len(group) for group in text.split("-")] == [8, 4, 4, 4, 12] and all(digits):
        return []
    return [("uuid", f"8-4-4-4-12 hexadecimal digits with dashes between them, not {text!r}")]


def _fw_cfg(files: tuple[tuple[str, bytes], ...]) -> list[tuple[str, str]]:
    found = []
    for name, content in files:
        if not 1 <= len(name.encode("utf-8", "replace")) <= LONGEST_FW_CFG_NAME or "\0" in name:
            found.append(("fw_cfg", f"a name has 1 to {LONGEST_FW_CFG_NAME} bytes, not {len(name)}: {name[:60]!r}"))
        elif not isinstance(content, bytes):
            found.append(("fw_cfg", f"the content of {name} must be bytes, not {type(content).__name__}"))
    names = [name for name, _ in files]
    found += [("fw_cfg", f"{name} is given twice") for name in {name for name in names if names.count(name) > 1}]
    return found


def _is_whole(value: object) -> bool:
    return isinstance(value, int)


def _memory_max(config: MachineConfig) -> list[tuple[str, str]]:
    most = config.memory_max  # that it is more than `memory` is seen when that is known
    if not _is_whole(most) or not 0 < most <= layout.MOST_MEMORY:
        return [("memory_max", f"bytes are needed, {format_size(layout.MOST_MEMORY)} at most, not {most!r}")]
    return []


def _memory(size: int) -> list[tuple[str, str]]:
    if not _is_whole(size):
        return [("memory", f"a number of bytes is needed, not {size!r}")]
    if size <= 0:
        return [("memory", f"a guest needs some, not {size}")]
    if size % layout.PAGE:
        return [("memory", f"whole pages of 4 KiB are needed, {size} bytes are {size % layout.PAGE} over")]
    if size > layout.MOST_MEMORY:
        return [("memory", f"{format_size(size)} is more than the {format_size(layout.MOST_MEMORY)} there can be")]
    return []
