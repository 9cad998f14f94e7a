"""The kernel's own counters of a VM or vCPU, read from the binary statistics fd.

The kernel describes them itself, so names differ between kernels; the VMM's own counts are the authority.
Source: Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD.
"""

from __future__ import annotations

import os

from ._kvm import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

KINDS = {
    lib.KVM_STATS_TYPE_CUMULATIVE: "cumulative",
    lib.KVM_STATS_TYPE_INSTANT: "instant",
    lib.KVM_STATS_TYPE_PEAK: "peak",
    lib.KVM_STATS_TYPE_LINEAR_HIST: "linear histogram",
    lib.KVM_STATS_TYPE_LOG_HIST: "log histogram",
}
UNITS = {
    lib.KVM_STATS_UNIT_NONE: "",
    lib.KVM_STATS_UNIT_BYTES: "bytes",
    lib.KVM_STATS_UNIT_SECONDS: "seconds",
    lib.KVM_STATS_UNIT_CYCLES: "cycles",
    lib.KVM_STATS_UNIT_BOOLEAN: "boolean",
}


class Stat:
    """One counter as the kernel describes it: a value is in `unit` times `base` to the power of `exponent`."""

    __slots__ = ("base", "bucket_size", "exponent", "kind", "name", "offset", "size", "unit")

    def __init__(self, name: str, flags: int, exponent: int, size: int, offset: int, bucket_size: int) -> None:
        self.name = name
        self.kind = KINDS.get(flags & lib.KVM_STATS_TYPE_MASK, "unknown")
        self.unit = UNITS.get(flags & lib.KVM_STATS_UNIT_MASK, "unknown")
        self.base = 2 if flags & lib.KVM_STATS_BASE_MASK == lib.KVM_STATS_BASE_POW2 else 10
        self.exponent = exponent
        self.size = size
        """How many values: 1, or the buckets of a histogram."""
        self.bucket_size = bucket_size
        """Width of a bucket of a linear histogram."""
        self.offset = offset

    def __repr__(self) -> str:
        return f"<{self.name}: {self.kind} {self.unit} * {self.base}**{self.exponent}, {self.size} values>"


class Stats:
    """Reader of one statistics fd, which it owns. The descriptions are read once, the values at every read()."""

    fd = -1

    def __init__(self, fd: int) -> None:
        self.fd = fd
        header = ffi.new("struct kvm_stats_header *")
        ffi.memmove(header, self._at(0, ffi.sizeof("struct kvm_stats_header")), ffi.sizeof("struct kvm_stats_header"))
        self.id: str = self._at(header.id_offset, header.name_size).split(b"\0")[0].decode()
        """The kernel's name of the VM or vCPU: "kvm-PID" and "kvm-PID/vcpu-INDEX"."""
        name_at = ffi.offsetof("struct kvm_stats_desc", "name")
        stride = name_at + header.name_size
        descriptors = ffi.from_buffer("char[]", self._at(header.desc_offset, stride * header.num_desc))
        stats = []
        for start in range(0, len(descriptors), stride):
            d = ffi.cast("struct kvm_stats_desc *", descriptors + start)
            name = ffi.string(d.name, header.name_size).decode()
            stats.append(Stat(name, d.flags, d.exponent, d.size, d.offset, d.bucket_size))
        self.stats: tuple[Stat, ...] = tuple(stats)
        self._data_offset: int = header.data_offset
        self._data_size = max((stat.offset + 8 * stat.size for stat in stats), default=0)

    def read(self) -> dict[str, int | list[int]]:
        """All values now: a number, or the list of buckets of a histogram."""
        values = memoryview(self._at(self._data_offset, self._data_size)).cast("Q")
        answer: dict[str, int | list[int]] = {}
        for stat in self.stats:
            first = stat.offset // 8
            answer[stat.name] = values[first] if stat.size == 1 else values[first : first + stat.size].tolist()
        return answer

    def _at(self, offset: int, size: int) -> bytes:
        data = os.pread(self.fd, size, offset)
        if len(data) != size:
            raise EOFError(f"statistics fd: {size} bytes expected at offset {offset}, {len(data)} came")
        return data

    def close(self) -> None:
        """Closes the fd. Legal twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
