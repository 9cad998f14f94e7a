"""What a user writes of a virtio disk: "FILE[,ro][,overlay][,serial=S][,queues=N]", limits too, in any order.

A file whose name ends as those of other products' virtual disks do is served by an engine that knows their formats.
"""

from __future__ import annotations

from ..errors import ConfigError
from ..records import Record
from . import limit_options
from .limit_options import Limits

MOST_QUEUES = 16
LONGEST_SERIAL = 20
FORMATS = {"qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhdx": "vhdx", "vhd": "vpc"}
"""QEMU's names of formats, by the endings of files: QEMU, VMware, VirtualBox, Hyper-V and its older one."""


class DiskOptions(Record):
    """The parts. What is none of the words is a part of the file's name, commas and all."""

    path: str
    manner: str = ""
    """"ro", "overlay" (changes are kept in memory), or "" for a disk that is written in place."""
    serial: str = ""
    queues: int = 1
    limits: Limits = Limits()

    @property
    def format(self) -> str:
        """One of FORMATS; "" for a raw disk."""
        return FORMATS.get(self.path.rpartition(".")[2].lower(), "")

    @property
    def spec(self) -> str:
        """As backends.disk.open_disk takes it."""
        return f"{self.path},{self.manner}" if self.manner else self.path


def parse_disk(text: str, field: str = "disk") -> DiskOptions:
    """ConfigError, with `field`, for a value that cannot be."""
    found: dict[str, str] = {}
    path = text
    while True:
        rest, comma, word = path.rpartition(",")
        name, equals, value = word.partition("=")
        if not comma or not (
            word in ("ro", "overlay") or (equals and name in ("serial", "queues", *limit_options.WORDS))
        ):
            break
        kind = name if equals else "manner"
        if kind in found:
            raise ConfigError.of(field, f"{word!r} goes not with {found[kind]!r}")
        found[kind] = value if equals else word
        path = rest
    serial, queues = found.get("serial", ""), found.get("queues", "1")
    if len(serial) > LONGEST_SERIAL or not serial.isascii():
        raise ConfigError.of(field, f"a serial number has {LONGEST_SERIAL} ASCII characters at most, not {serial!r}")
    if not queues.isdecimal() or not 1 <= int(queues) <= MOST_QUEUES:
        raise ConfigError.of(field, f"a disk has 1 to {MOST_QUEUES} queues, not {queues!r}")
    if not path:
        raise ConfigError.of(field, f"{text!r} names no file")
    options = DiskOptions(
        path=path, manner=found.get("manner", ""), serial=serial, queues=int(queues),
        limits=limit_options.parse_limits(found, field),
    )  # fmt: skip
    if options.format and serial:
        raise ConfigError.of(field, f"a serial number is for raw disks; this is one of {options.format}")
    return options


def is_written_outside(disk: str | bytes) -> bool:
    """Whether an engine outside writes to the image itself."""
    return isinstance(disk, str) and is_external(disk) and not parse_disk(disk).manner


def is_external(disk: str | bytes) -> bool:
    """Whether an engine outside serves it."""
    return isinstance(disk, str) and bool(parse_disk(disk).format)
