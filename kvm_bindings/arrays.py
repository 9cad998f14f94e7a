"""Structs of KVM that end in an array, to and from Python sequences.

Makers give cffi data ready for an ioctl; readers copy out of it. Lengths are checked by the kernel, not here.
"""

from __future__ import annotations

from ._kvm import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ._kvm import CData
    from .descriptor import Descriptor

    CpuidEntry = tuple[int, int, int, int, int, int, int]
    """(function, index, flags, eax, ebx, ecx, edx)"""


def new_cpuid2(entries: Sequence[CpuidEntry]) -> CData:
    """A kvm_cpuid2 with those (function, index, flags, eax, ebx, ecx, edx)."""
    return ffi.new("struct kvm_cpuid2 *", (len(entries), entries))


def empty_cpuid2(room: int) -> CData:
    """A kvm_cpuid2 with room for that many entries, for the kernel to fill."""
    return ffi.new("struct kvm_cpuid2 *", (room, room))


def cpuid2_entries(cpuid: CData) -> list[CpuidEntry]:
    """The entries as (function, index, flags, eax, ebx, ecx, edx)."""
    return [(e.function, e.index, e.flags, e.eax, e.ebx, e.ecx, e.edx) for e in cpuid.entries[0 : cpuid.nent]]


def new_msrs(values: Mapping[int, int]) -> CData:
    """A kvm_msrs with those values by MSR index."""
    return ffi.new("struct kvm_msrs *", (len(values), list(values.items())))


def empty_msrs(indices: Iterable[int]) -> CData:
    """A kvm_msrs that asks for those MSRs."""
    wanted = [(index,) for index in indices]
    return ffi.new("struct kvm_msrs *", (len(wanted), wanted))


def msr_values(msrs: CData, count: int) -> dict[int, int]:
    """The first `count` entries as {index: value}; the kernel answers how many it did."""
    return {e.index: e.data for e in msrs.entries[0:count]}


def read_msrs(descriptor: Descriptor, indices: Sequence[int]) -> dict[int, int]:
    """KVM_GET_MSRS: {index: value}. The kernel stops at an MSR it refuses: that one is left out and the rest asked."""
    values: dict[int, int] = {}
    while indices:
        msrs = empty_msrs(indices)
        done = descriptor.ioctl_ptr("KVM_GET_MSRS", msrs)
        values.update(msr_values(msrs, done))
        indices = indices[done + 1 :]
    return values


def write_msrs(descriptor: Descriptor, values: Mapping[int, int]) -> list[int]:
    """KVM_SET_MSRS in the order given; the indices that the kernel refused, the others are set."""
    refused = []
    left = list(values)
    while left:
        done = descriptor.ioctl_ptr("KVM_SET_MSRS", new_msrs({index: values[index] for index in left}))
        refused += left[done : done + 1]
        left = left[done + 1 :]
    return refused


def empty_msr_list(room: int) -> CData:
    """A kvm_msr_list with room for that many indices."""
    return ffi.new("struct kvm_msr_list *", (room, room))


def msr_indices(msr_list: CData) -> list[int]:
    """The MSR indices in the list."""
    return list(ffi.unpack(msr_list.indices, msr_list.nmsrs))


def new_irq_routing(routes: Sequence[tuple[int, ...]]) -> CData:
    """A kvm_irq_routing from (gsi, irqchip, pin) for a pin and (gsi, address_lo, address_hi, data) for an MSI."""
    routing = ffi.new("struct kvm_irq_routing *", (len(routes), 0, len(routes)))
    for entry, route in zip(routing.entries[0 : len(routes)], routes, strict=True):
        entry.gsi = route[0]
        if len(route) == 3:
            entry.type = lib.KVM_IRQ_ROUTING_IRQCHIP
            entry.u.irqchip.irqchip, entry.u.irqchip.pin = route[1:]
        else:
            entry.type = lib.KVM_IRQ_ROUTING_MSI
            entry.u.msi.address_lo, entry.u.msi.address_hi, entry.u.msi.data = route[1:]
    return routing


def irq_routes(routing: CData) -> list[tuple[int, ...]]:
    """The routes as new_irq_routing takes them."""
    routes: list[tuple[int, ...]] = []
    for entry in routing.entries[0 : routing.nr]:
        target = entry.u
        if entry.type == lib.KVM_IRQ_ROUTING_IRQCHIP:
            routes.append((entry.gsi, target.irqchip.irqchip, target.irqchip.pin))
        else:
            routes.append((entry.gsi, target.msi.address_lo, target.msi.address_hi, target.msi.data))
    return routes


def new_signal_mask(signals: Iterable[int]) -> CData:
    """A kvm_signal_mask that blocks those signals while the vCPU runs: the kernel's 8 bytes, bit n - 1 for signal n."""
    bits = 0
    for signal in signals:
        bits |= 1 << (signal - 1)
    sigset = bits.to_bytes(8, "little")
    return ffi.new("struct kvm_signal_mask *", (len(sigset), list(sigset)))


def blocked_signals(mask: CData) -> set[int]:
    """The signals that a kvm_signal_mask blocks."""
    bits = int.from_bytes(bytes(ffi.buffer(mask.sigset, mask.len)), "little")
    return {bit + 1 for bit in range(8 * mask.len) if bits >> bit & 1}


def new_msr_filter(ranges: Sequence[tuple[int, int, bytes]], default_deny: bool = False) -> tuple[CData, list[CData]]:
    """A kvm_msr_filter from (flags, first MSR, bitmap) with a 1 bit where access is allowed.

    Gives the struct and the bitmaps it points to: keep both until the ioctl is done.
    """
    if len(ranges) > lib.KVM_MSR_FILTER_MAX_RANGES:
        raise ValueError(f"a MSR filter has at most {lib.KVM_MSR_FILTER_MAX_RANGES} ranges, {len(ranges)} came")
    flags = lib.KVM_MSR_FILTER_DEFAULT_DENY if default_deny else lib.KVM_MSR_FILTER_DEFAULT_ALLOW
    filter_ = ffi.new("struct kvm_msr_filter *", {"flags": flags})
    bitmaps = [ffi.new("__u8[]", bitmap) for _, _, bitmap in ranges]
    for slot, (access, base, bitmap), memory in zip(filter_.ranges, ranges, bitmaps, strict=False):
        slot.flags, slot.base, slot.nmsrs, slot.bitmap = access, base, 8 * len(bitmap), memory
    return filter_, bitmaps
