"""A VM fd: guest memory, interrupt controllers, clock and events of one machine, and the door to its vCPUs."""

from __future__ import annotations

from . import arrays
from ._kvm import ffi, lib
from .descriptor import Descriptor
from .vcpu import Vcpu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._kvm import CData
    from .device import Device


class Vm(Descriptor):
    """One virtual machine. The kernel keeps it alive while any of its vCPU, device or stats fds is open."""

    kind = "vm"

    vcpu_mmap_size = 0
    """Bytes to map of each vCPU; System.create_vm sets it."""

    def check_extension(self, cap: int) -> int:
        """KVM_CHECK_EXTENSION as it is for this VM; it may differ from the system's answer."""
        return self.ioctl_int("KVM_CHECK_EXTENSION", cap)

    def enable_cap(self, cap: int, flags: int = 0, args: Sequence[int] = ()) -> int:
        """KVM_ENABLE_CAP with up to four arguments; some capabilities must come before the first vCPU."""
        return self.ioctl_ptr("KVM_ENABLE_CAP", ffi.new("struct kvm_enable_cap *", (cap, flags, args)))

    def create_vcpu(self, index: int) -> Vcpu:
        """KVM_CREATE_VCPU. The index is also the vCPU's initial APIC id. Its kvm_run is mapped."""
        return Vcpu(self.ioctl_int("KVM_CREATE_VCPU", index), self.vcpu_mmap_size, index)

    def set_boot_cpu_id(self, index: int) -> None:
        """KVM_SET_BOOT_CPU_ID: which vCPU starts running; before any vCPU is made. 0 unless set."""
        self.ioctl_int("KVM_SET_BOOT_CPU_ID", index)

    def get_stats_fd(self) -> int:
        """KVM_GET_STATS_FD: a new fd for stats.Stats."""
        return self.ioctl_int("KVM_GET_STATS_FD")

    # Memory

    def set_user_memory_region(
        self, slot: int, flags: int, guest_phys_addr: int, memory_size: int, userspace_addr: int
    ) -> None:
        """KVM_SET_USER_MEMORY_REGION: puts host memory at a guest physical address; memory_size 0 takes the slot away.

        All are multiples of 4096. The host memory must stay mapped until the slot is gone.
        """
        region = (slot, flags, guest_phys_addr, memory_size, userspace_addr)
        self.ioctl_ptr("KVM_SET_USER_MEMORY_REGION", ffi.new("struct kvm_userspace_memory_region *", region))

    def set_user_memory_region2(
        self,
        slot: int,
        flags: int,
        guest_phys_addr: int,
        memory_size: int,
        userspace_addr: int,
        guest_memfd: int = 0,
        guest_memfd_offset: int = 0,
    ) -> None:
        """KVM_SET_USER_MEMORY_REGION2: the same with an optional guest_memfd (flag KVM_MEM_GUEST_MEMFD)."""
        region = (slot, flags, guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset, guest_memfd)
        self.ioctl_ptr("KVM_SET_USER_MEMORY_REGION2", ffi.new("struct kvm_userspace_memory_region2 *", region))

    def create_guest_memfd(self, size: int, flags: int = 0) -> int:
        """KVM_CREATE_GUEST_MEMFD: a new fd of memory that belongs to this VM."""
        return self.ioctl_ptr("KVM_CREATE_GUEST_MEMFD", ffi.new("struct kvm_create_guest_memfd *", (size, flags)))

    def set_memory_attributes(self, address: int, size: int, attributes: int) -> None:
        """KVM_SET_MEMORY_ATTRIBUTES: makes guest physical pages private or shared."""
        wanted = ffi.new("struct kvm_memory_attributes *", (address, size, attributes))
        self.ioctl_ptr("KVM_SET_MEMORY_ATTRIBUTES", wanted)

    def set_tss_addr(self, address: int) -> None:
        """KVM_SET_TSS_ADDR: three pages below 4 GiB, of no use to the guest, that Intel hosts need for real mode."""
        self.ioctl_int("KVM_SET_TSS_ADDR", address)

    def set_identity_map_addr(self, address: int) -> None:
        """KVM_SET_IDENTITY_MAP_ADDR: one such page more; before any vCPU is made."""
        self.ioctl_ptr("KVM_SET_IDENTITY_MAP_ADDR", ffi.new("__u64 *", address))

    def get_dirty_log(self, slot: int, bitmap: CData) -> None:
        """KVM_GET_DIRTY_LOG: one bit for each page written since the last call, into `bitmap` (64 pages every 8 bytes).

        The slot needs KVM_MEM_LOG_DIRTY_PAGES. Clears the log unless manual protection is enabled.
        """
        log = ffi.new("struct kvm_dirty_log *", {"slot": slot, "dirty_bitmap": bitmap})
        self.ioctl_ptr("KVM_GET_DIRTY_LOG", log)

    def clear_dirty_log(self, slot: int, first_page: int, num_pages: int, bitmap: CData) -> None:
        """KVM_CLEAR_DIRTY_LOG: forgets the pages whose bits are set, with KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 enabled.

        first_page is a multiple of 64, num_pages too unless it reaches the slot's end.
        """
        log = {"slot": slot, "first_page": first_page, "num_pages": num_pages, "dirty_bitmap": bitmap}
        self.ioctl_ptr("KVM_CLEAR_DIRTY_LOG", ffi.new("struct kvm_clear_dirty_log *", log))

    def reset_dirty_rings(self) -> int:
        """KVM_RESET_DIRTY_RINGS: protects the pages that were harvested from the rings again; how many."""
        return self.ioctl_int("KVM_RESET_DIRTY_RINGS")

    def register_coalesced_mmio(self, address: int, size: int, pio: bool = False) -> None:
        """KVM_REGISTER_COALESCED_MMIO: writes there go to the coalesced ring and cause no exit of their own."""
        zone = ffi.new("struct kvm_coalesced_mmio_zone *", (address, size, pio))
        self.ioctl_ptr("KVM_REGISTER_COALESCED_MMIO", zone)

    def unregister_coalesced_mmio(self, address: int, size: int, pio: bool = False) -> None:
        """KVM_UNREGISTER_COALESCED_MMIO."""
        zone = ffi.new("struct kvm_coalesced_mmio_zone *", (address, size, pio))
        self.ioctl_ptr("KVM_UNREGISTER_COALESCED_MMIO", zone)

    # Interrupt controllers and timer

    def create_irqchip(self) -> None:
        """KVM_CREATE_IRQCHIP: two PICs, an I/O APIC and a local APIC for each vCPU; before the first vCPU."""
        self.ioctl_int("KVM_CREATE_IRQCHIP")

    def enable_split_irqchip(self, routes: int = 24) -> None:
        """KVM_CAP_SPLIT_IRQCHIP: local APICs in the kernel alone; `routes` GSIs are reserved for a user I/O APIC."""
        self.enable_cap(lib.KVM_CAP_SPLIT_IRQCHIP, args=(routes,))

    def get_irqchip(self, chip_id: int) -> CData:
        """KVM_GET_IRQCHIP: a struct kvm_irqchip; chip_id is one of KVM_IRQCHIP_*."""
        return self.fill("KVM_GET_IRQCHIP", ffi.new("struct kvm_irqchip *", (chip_id,)))

    def set_irqchip(self, irqchip: CData) -> None:
        """KVM_SET_IRQCHIP: the chip is the one named in the struct."""
        self.ioctl_ptr("KVM_SET_IRQCHIP", irqchip)

    def create_pit2(self, flags: int = 0) -> None:
        """KVM_CREATE_PIT2: the i8254 in the kernel; needs create_irqchip. KVM_PIT_SPEAKER_DUMMY adds port 0x61."""
        self.ioctl_ptr("KVM_CREATE_PIT2", ffi.new("struct kvm_pit_config *", (flags,)))

    def get_pit2(self) -> CData:
        """KVM_GET_PIT2: a struct kvm_pit_state2."""
        return self.fill("KVM_GET_PIT2", ffi.new("struct kvm_pit_state2 *"))

    def set_pit2(self, state: CData) -> None:
        """KVM_SET_PIT2."""
        self.ioctl_ptr("KVM_SET_PIT2", state)

    def reinject_control(self, reinject: bool) -> None:
        """KVM_REINJECT_CONTROL: whether PIT ticks that the guest missed are delivered late (the default) or dropped."""
        self.ioctl_ptr("KVM_REINJECT_CONTROL", ffi.new("struct kvm_reinject_control *", (reinject,)))

    def irq_line(self, gsi: int, level: int) -> None:
        """KVM_IRQ_LINE: sets the level of an input of the in-kernel irqchip."""
        self.ioctl_ptr("KVM_IRQ_LINE", ffi.new("struct kvm_irq_level *", {"irq": gsi, "level": level}))

    def irq_line_status(self, gsi: int, level: int) -> int:
        """KVM_IRQ_LINE_STATUS: the same; tells whether it was delivered (> 0), coalesced (0) or ignored (< 0)."""
        wanted = ffi.new("struct kvm_irq_level *", {"irq": gsi, "level": level})
        return int(self.fill("KVM_IRQ_LINE_STATUS", wanted).status)

    def set_gsi_routing(self, routes: Sequence[tuple[int, ...]]) -> None:
        """KVM_SET_GSI_ROUTING: replaces all routes; (gsi, irqchip, pin) or (gsi, address_lo, address_hi, data)."""
        self.ioctl_ptr("KVM_SET_GSI_ROUTING", arrays.new_irq_routing(routes))

    def signal_msi(self, address_lo: int, address_hi: int, data: int) -> int:
        """KVM_SIGNAL_MSI: delivers a message; > 0 delivered, 0 blocked by the guest."""
        return self.ioctl_ptr("KVM_SIGNAL_MSI", ffi.new("struct kvm_msi *", (address_lo, address_hi, data)))

    def irqfd(self, fd: int, gsi: int, flags: int = 0, resamplefd: int = 0) -> None:
        """KVM_IRQFD: a write to the eventfd raises the GSI; KVM_IRQFD_FLAG_DEASSIGN takes that back."""
        self.ioctl_ptr("KVM_IRQFD", ffi.new("struct kvm_irqfd *", (fd, gsi, flags, resamplefd)))

    def ioeventfd(self, fd: int, address: int, size: int, flags: int = 0, datamatch: int = 0) -> None:
        """KVM_IOEVENTFD: a guest's write of `size` bytes there signals the eventfd and causes no exit.

        `flags` are KVM_IOEVENTFD_FLAG_*: PIO for a port, DATAMATCH for one value alone, DEASSIGN to undo.
        """
        event = ffi.new("struct kvm_ioeventfd *", (datamatch, address, size, fd, flags))
        self.ioctl_ptr("KVM_IOEVENTFD", event)

    # Clock, MSRs, devices

    def get_clock(self) -> CData:
        """KVM_GET_CLOCK: a struct kvm_clock_data, nanoseconds of kvmclock."""
        return self.fill("KVM_GET_CLOCK", ffi.new("struct kvm_clock_data *"))

    def set_clock(self, clock: CData) -> None:
        """KVM_SET_CLOCK; of the flags only KVM_CLOCK_REALTIME may be set."""
        self.ioctl_ptr("KVM_SET_CLOCK", clock)

    def get_tsc_khz(self) -> int:
        """KVM_GET_TSC_KHZ on a VM: the frequency that new vCPUs get."""
        return self.ioctl_int("KVM_GET_TSC_KHZ")

    def set_tsc_khz(self, khz: int) -> None:
        """KVM_SET_TSC_KHZ on a VM: the frequency that new vCPUs get; before the first one."""
        self.ioctl_int("KVM_SET_TSC_KHZ", khz)

    def set_msr_filter(self, ranges: Sequence[tuple[int, int, bytes]], default_deny: bool = False) -> None:
        """KVM_X86_SET_MSR_FILTER: (KVM_MSR_FILTER_* flags, first MSR, bitmap of what is allowed), up to 16 ranges."""
        wanted, bitmaps = arrays.new_msr_filter(ranges, default_deny)
        self.ioctl_ptr("KVM_X86_SET_MSR_FILTER", wanted)
        del bitmaps  # the kernel has copied them by now

    def set_pmu_event_filter(self, action: int, events: Sequence[int], fixed_counter_bitmap: int = 0) -> None:
        """KVM_SET_PMU_EVENT_FILTER: the performance events that a guest may count, or may not."""
        wanted = ffi.new("struct kvm_pmu_event_filter *", (action, len(events), fixed_counter_bitmap, 0, events))
        self.ioctl_ptr("KVM_SET_PMU_EVENT_FILTER", wanted)

    def create_device(self, type: int, flags: int = 0) -> Device:
        """KVM_CREATE_DEVICE: type is one of KVM_DEV_TYPE_*."""
        wanted = ffi.new("struct kvm_create_device *", (type, 0, flags))
        from .device import Device

        return Device(self.fill("KVM_CREATE_DEVICE", wanted).fd)
