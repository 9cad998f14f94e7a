"""What a user asks for: one frozen record that fully describes a machine before anything is made."""

from __future__ import annotations

from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Console = str | Callable[[bytes], None]

MODES = ("real", "protected", "paged", "long")
IRQCHIPS = ("auto", "user", "kernel", "split", "none")
WITH_LOCAL_APICS = ("kernel", "split")
"""Those with local APICs, which are in the kernel: there vCPUs sleep, and there they wake each other."""
WITH_PIC_HERE = ("user", "split")
"""Those whose PIC pair and PIT are in Python."""
CONSOLES = ("capture", "stdio", "none")
PROTOCOLS = ("linux64", "linux32", "linux16", "pvh")
TRANSPORTS = ("mmio", "pci")
"""Registers in memory space, told of by ACPI and the command line; or functions on a PCI Express bus."""
AUTO = -1


class MachineConfig(Record):
    """All fields have a default but `image`; vmm.machine.validate says what values they may have."""

    image: str | bytes = ""
    """Path of the guest's image, or its bytes; "" when the machine starts from a drive or from `firmware`."""
    command_line: str = ""
    """Given to images whose boot protocol has one (multiboot, Linux). Linux has words by default, in
    vmm.machine.defaults: these come in their place, or behind them when they begin with "+"."""
    modules: tuple[str, ...] = ()
    """Files that are loaded beside the image, each "PATH" or "PATH ARGUMENTS" (multiboot modules, an initrd)."""
    uuid: str = ""
    """The system's UUID in SMBIOS, as 8-4-4-4-12 hexadecimal digits; "" makes one from image, command line and size."""
    firmware: str = ""
    """Path of a ROM that runs in place of our own BIOS, mapped below 4 GiB and below 1 MiB; "" for our own."""
    fw_cfg: tuple[tuple[str, bytes], ...] = ()
    """(name such as "opt/org.example/key", content) that the guest finds in fw_cfg's directory."""
    fda: str | bytes = ""
    """Floppy drive A: "PATH", "PATH,ro" or "PATH,overlay" (changes are kept in memory), or the disk's bytes."""
    hda: str | bytes = ""
    """The first hard disk, as `fda`."""
    hdb: str | bytes = ""
    """The second hard disk, as `fda`."""
    cdrom: str | bytes = ""
    """An ISO 9660 image, read only."""
    boot: str = ""
    """The order in which drives are tried, as QEMU's letters: a floppy, c hard disk, d CD-ROM; "" is "cad"."""
    virtio: str = "mmio"
    """How virtio devices are reached, one of TRANSPORTS."""
    disks: tuple[str | bytes, ...] = ()
    """Virtio disks, in order: "FILE[,ro][,overlay][,serial=S][,queues=N]" each, or the disk's bytes. Files named
    .qcow2, .vmdk, .vdi, .vhdx or .vhd are served by qemu-storage-daemon; such a machine cannot be saved or forked."""
    networks: tuple[str, ...] = ()
    """Virtio network cards, in order, each "user[,forward=8080:80]" or "tap=NAME[,queues=N]", and of either
    ",mac=52:54:00:12:34:56" or ",seed=TEXT" for an address derived from it."""
    ports: tuple[str, ...] = ()
    """Named ports of a virtio console, for agents in the guest: "NAME=PATH" each, PATH a Unix socket where one program
    may connect; "NAME=" leads nowhere. With any, the guest has a terminal hvc0 too, which speaks as COM1 does."""
    rng: bool = False
    """Plug in a virtio entropy device, fed by the host's /dev/urandom."""
    balloon: bool = False
    """Plug in a virtio balloon: Machine.balloon takes memory from the guest, and gives it back."""
    shares: tuple[str, ...] = ()
    """Directories of the host's that the guest may mount, "DIR[:TAG][,ro][,virtiofs]" each: by 9P, or by virtiofs if
    the host has virtiofsd."""
    vsock: str = ""
    """Plug in a virtio socket device: "CID,PATH", the guest's context id and where the host's sockets stand."""
    memory_max: int = 0
    """Bytes of memory that the guest may have while it runs, by Machine.memory.resize(), whole 2 MiB above `memory`; 0:
    no more than that."""
    pc_testdev: bool = False
    """Plug in the devices that kvm-unit-tests use: pc-testdev, the PM timer."""
    display: bool = False
    """Plug in a VGA's registers (cursor, start address, retrace); machines with drives or firmware have them anyway."""
    symbols: str = ""
    """File with names for guest addresses (ELF, nm or System.map output); "" takes an ELF image's own."""
    format: str | None = None
    """A loader's name, such as "flat" or "elf"; None looks at the image."""
    boot_protocol: str = ""
    """The entry that Linux starts by, one of PROTOCOLS; "" for the best that the image has."""
    direct: bool | None = None
    """Unpack the kernel in a bzImage here and start that, instead of the bzImage's own unpacking; None: if possible."""
    mode: str | None = None
    """CPU mode at the first instruction, one of MODES; None is real for flat images and the ELF's own for those."""
    load: int | None = None
    """Guest physical address of a flat image; None: 0x7c00 for boot sectors, 0x1000 in real mode, else 1 MiB."""
    entry: int | None = None
    """Guest physical address of the first instruction; None: the image's own."""
    stack: int | None = None
    """Top of the first stack; None picks one."""
    unreal: bool = False
    """Real mode with 4 GiB data segments."""
    user: bool = False
    """Start in ring 3 (protected, paged and long mode)."""
    memory: int = AUTO
    """Bytes of RAM, whole pages; AUTO: 16 MiB, for Linux 256 MiB."""
    vcpus: int = 1
    """How many vCPUs. With irqchip "kernel" or "split" the first starts and wakes the others by INIT and SIPI; else
    they start together at the same entry, each with its index in RBX and its own stack 4 KiB below the one before."""
    cpu: str = "host"
    """CPUID: a template and changes to it, such as "host,-popcnt"."""
    irqchip: str = "auto"
    """Where interrupts are collected: "user" (PIC and PIT in Python), "kernel", "split" (these and an I/O APIC in
    Python, the local APICs in the kernel), or "none"; "auto" is "kernel" with `firmware` and Linux, which expect a
    local APIC, and else "user"."""
    cpu_pm: bool = False
    """The guest halts and pauses without an exit, as far as the host allows: its CPUs count as busy all the time."""
    strict: bool = False
    """End the run at the first access that no device claims."""
    console: Console = "capture"
    """Where COM1 and the debug consoles go: "capture" (Machine.output), "stdio", "none", or a callable that takes
    bytes. The other serial ports are captured."""
    test_devices: bool = False
    """Plug in the test device (MMIO) and the pattern port (string I/O) that the guests in guests/ use."""
    statistics: bool = True
    """Count and time every exit; without, `Machine.exits` is empty and an exit some tens of nanoseconds cheaper."""
    warn: Callable[[str], None] | None = None
    """Told in words what goes wrong without ending the run, such as a device that fails."""

    @property
    def has_bios(self) -> bool:
        """Whether the machine starts by our own BIOS: from a drive, or with a kernel that asks for one."""
        return not self.firmware and (not self.image or self.is_kernel)

    @property
    def has_virtio(self) -> bool:
        """Whether there is any virtio device."""
        lists = self.disks or self.networks or self.ports or self.shares
        return bool(lists or self.rng or self.balloon or self.vsock or self.memory_max)

    @property
    def shares_memory(self) -> bool:
        """Whether engines outside serve devices, which takes memory that they can map."""
        if self.shares:
            from .share_options import is_virtiofs

            if any(map(is_virtiofs, self.shares)):
                return True
        if not self.disks:
            return False
        from .disk_options import is_external

        return any(map(is_external, self.disks))

    @property
    def is_kernel(self) -> bool:
        """Whether the image is a Linux kernel to be started by its 16-bit entry: format "bzimage" alone means so."""
        return self.boot_protocol == "linux16" or (self.format == "bzimage" and not self.boot_protocol)

    @property
    def wants_kernel_irqchip(self) -> bool:
        """What irqchip "auto" is: firmware and kernels look for local APICs, our BIOS leaves vCPUs to the guest."""
        return bool(self.firmware) or self.is_kernel or (self.has_bios and self.vcpus > 1)

    @property
    def is_pc(self) -> bool:
        """Whether the machine has what a PC's firmware and boot sectors look for."""
        return bool(self.display or self.firmware or self.is_kernel or self.fda or self.hda or self.hdb or self.cdrom)
