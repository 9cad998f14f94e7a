"""The options of `vmm run`, as a table."""

from __future__ import annotations

from ...machine.config import CONSOLES, IRQCHIPS, MODES, PROTOCOLS, TRANSPORTS
from ...machine.defaults import LINUX_WORDS
from ...units import parse_duration, parse_size
from .options import Command, Option, number, one_of

START, KERNELS, DRIVES, DEVICES = "CPU and start", "kernels", "drives", "firmware and devices"
VIRTIO, EXITS, SNAPSHOTS = "virtio", "exits", "snapshots"
EXIT_OPTIONS = ("trace", "trace_filter", "trace_trigger", "trace_at", "report", "budget", "expect", "msrs", "hidden",
                "record")  # fmt: skip
"""What exit_watch.ExitWatch is for."""


def deadline_of(text: str) -> int:
    """Converts the option --deadline."""
    time = parse_duration(text)
    if time < 0:
        raise ValueError(f"{text!r} lies in the past")
    return time


def _fw_cfg(text: str) -> tuple[str, bytes]:
    from .fw_cfg import file_of

    return file_of(text)


def boot_order(text: str) -> str:
    """A converter: letters, or QEMU's spelling order=LETTERS."""
    return text.removeprefix("order=")


COMMAND = Command(
    name="run",
    summary="Boots IMAGE (flat, ELF, kernel, disk) and ends with the guest's exit code.",
    arguments="IMAGE",
    most=1,
    options=(
        Option(names=("--memory", "-m"), value="SIZE", convert=lambda text: parse_size(text, "m"),
               help="RAM: 16M, 1G; a bare number counts MiB"),
        Option(names=("--vcpus", "--smp", "-smp"), value="N", convert=number, help="number of vCPUs"),
        Option(names=("--cpu", "-cpu"), value="MODEL", help="CPUID: host, minimal, x86-64-v2, host,-popcnt"),
        Option(names=("--mode",), value="MODE", convert=one_of(*MODES), help="real, protected, paged or long"),
        Option(names=("--hda", "-hda"), value="DISK", help="a raw disk: PATH, PATH,ro or PATH,overlay"),
        Option(names=("--append", "-append"), value="WORDS", help='the kernel\'s command line; "+words" adds to it'),
        Option(names=("--initrd", "-initrd"), value="FILES", help="modules with commas between them, as QEMU has it"),
        Option(names=("--deadline", "-t"), value="TIME", convert=deadline_of, help="end after 2s, 500ms, 5m"),
        Option(names=("--strict",), help="end at an access that no device claims"),
        Option(names=("--console",), value="WHERE", convert=one_of(*CONSOLES), help="stdio or none"),
        Option(names=("--display", "-display"), value="WHAT", convert=one_of("text", "none"), default="none",
               help="text: the text screen, live in the terminal"),
        Option(names=("--screenshot",), value="FILE", help="the text screen at the end: .png, .svg or .txt"),
        Option(names=("--guest",), value="NAME", help="a guest that comes with vmm in place of IMAGE"),
        Option(names=("--stats",), help="print every exit, counted and timed, to stderr"),
        Option(names=("--stats-out",), value="FILE", help="write the same as JSON"),
        Option(names=("--json",), help="one JSON document on stdout: outcome, console, exits"),
        Option(names=("--exit-code",), value="STYLE", convert=one_of("raw", "qemu"), default="raw",
               help="of the debug-exit port: raw, or qemu ((v << 1) | 1)"),
        Option(names=("--quiet", "-q"), help="no verdict, no crash report"),
        Option(names=("--irqchip",), value="WHERE", convert=one_of(*IRQCHIPS), group=START,
               help="user (Python), kernel, split or none"),
        Option(names=("--format",), value="FORMAT", help="flat, elf, multiboot, multiboot2, bzimage", group=START),
        Option(names=("--load",), value="GPA", convert=number, help="address of a flat image", group=START),
        Option(names=("--entry",), value="GPA", convert=number, help="address of the first instruction", group=START),
        Option(names=("--stack",), value="GPA", convert=number, help="top of the first stack", group=START),
        Option(names=("--unreal",), help="real mode with 4 GiB data segments", group=START),
        Option(names=("--user",), help="start in ring 3", group=START),
        Option(names=("--symbols",), value="FILE", group=START,
               help="names: ELF, nm, ld -Map, System.map; FILE@0xOFFSET"),
        Option(names=("--uuid", "-uuid"), value="UUID", group=KERNELS, help="the system's, in SMBIOS"),
        Option(names=("--dir",), value="PATH", many=True, group=KERNELS,
               help="pack a directory as a module: Linux's initramfs"),
        Option(names=("--boot-trace",), help="print where the time went until the guest was up", group=KERNELS),
        Option(names=("--boot-trace-out",), value="FILE", help="write the same as JSON", group=KERNELS),
        Option(names=("--module",), value="FILE", many=True, group=KERNELS,
               help='a module, or "FILE ARGUMENTS"; may be repeated'),
        Option(names=("--protocol",), value="NAME", convert=one_of(*PROTOCOLS), group=KERNELS,
               help="Linux starts by: linux64, linux32, linux16, pvh"),
        Option(names=("--direct",), help="unpack a bzImage here (done anyway if possible)", group=KERNELS),
        Option(names=("--no-direct",), help="let a bzImage unpack itself", group=KERNELS),
        Option(names=("--fda", "-fda"), value="DISK", help="floppy A, as --hda", group=DRIVES),
        Option(names=("--hdb", "-hdb"), value="DISK", help="the second hard disk", group=DRIVES),
        Option(names=("--cdrom", "-cdrom"), value="ISO", help="CD-ROM, an ISO 9660 image", group=DRIVES),
        Option(names=("--boot", "-boot"), value="ORDER", convert=boot_order, group=DRIVES,
               help="drives in order: a floppy, c disk, d CD-ROM"),
        Option(names=("--firmware", "-bios"), value="FILE", group=DEVICES,
               help="a ROM in place of IMAGE, such as SeaBIOS"),
        Option(names=("--fw-cfg", "-fw_cfg"), value="NAME=FILE", convert=_fw_cfg, many=True, group=DEVICES,
               help="a file in fw_cfg; also NAME=string:TEXT, number:N"),
        Option(names=("--firmware-log",), value="FILE", help="write what the ROM says on port 0x402", group=DEVICES),
        Option(names=("--test-devices",), help="plug in the devices that guests/ use", group=DEVICES),
        Option(names=("--virtio",), value="WHERE", convert=one_of(*TRANSPORTS), group=VIRTIO,
               help="its devices are on mmio or on pci"),
        Option(names=("--balloon",), help="a device by which the guest gives memory back", group=VIRTIO),
        Option(names=("--disk",), value="DISK", many=True, group=VIRTIO,
               help="a disk: FILE[,ro][,overlay][,serial=S][,queues=N]"),
        Option(names=("--memory-max",), value="SIZE", convert=lambda text: parse_size(text, "memory-max"), group=VIRTIO,
               help="how much memory the guest may have in time"),
        Option(names=("--net",), value="NETWORK", many=True, group=VIRTIO,
               help="user[,forward=8080:80] or tap=NAME[,queues=N][,mac=]"),
        Option(names=("--port",), value="NAME=PATH", many=True, group=VIRTIO,
               help="a console port for an agent, at a Unix socket"),
        Option(names=("--rng",), help="an entropy device over /dev/urandom", group=VIRTIO),
        Option(names=("--share",), value="DIR", many=True, group=VIRTIO,
               help="a directory to mount: DIR[:TAG][,ro][,virtiofs]"),
        Option(names=("--vsock",), value="CID,PATH", group=VIRTIO,
               help="sockets: CONNECT PORT at PATH, and PATH_PORT"),
        Option(names=("--report",), value="FILE", help="write the run as one page of HTML", group=EXITS),
        Option(names=("--trace",), value="FILE", group=EXITS, help="write a timeline that ui.perfetto.dev opens"),
        Option(names=("--trace-filter",), value="WORDS", group=EXITS,
               help="slices of device=,port=A-B,mmio=A-B,direction=,rip=A-B"),
        Option(names=("--trace-trigger",), value="TEXT", group=EXITS,
               help="stop soon after the guest says TEXT on COM1"),
        Option(names=("--trace-at",), value="WORDS", group=EXITS,
               help="stop soon after an exit that this filter takes"),
        Option(names=("--hidden",), help="count what KVM answers by itself too; mostly needs root", group=EXITS),
        Option(names=("--record",), value="FILE", group=EXITS, help="record the devices' traffic for vmm replay"),
        Option(names=("--msrs",), help="print every MSR that the guest touches, to stderr", group=EXITS),
        Option(names=("--device", "-device"), value="DEVICE", many=True, group=DEVICES,
               help="FILE.py:CLASS,port=0x500 or mmio=; also size=, name="),
        Option(names=("--repl",), help="a Python prompt on the machine after the run", group=EXITS),
        Option(names=("--budget",), value="FILE", many=True, group=EXITS,
               help="exit code 117 and the rows unless all its rules hold"),
        Option(names=("--expect",), value="RULE", many=True, group=EXITS,
               help="one such rule: 'io[0x3f8] <= 400'"),
        Option(names=("--restore",), value="FILE", group=SNAPSHOTS, help="a saved machine in place of IMAGE"),
        Option(names=("--from",), value="ADDRESS", group=SNAPSHOTS,
               help="one that vmm snapshot serve has: memory follows"),
        Option(names=("--listen",), value="ADDRESS", group=SNAPSHOTS,
               help="wait there for a machine that migrates"),
        Option(names=("--standby",), value="ADDRESS", help=""),
        Option(names=("--clock",), value="HOW", convert=one_of("still", "on"), default="still", group=SNAPSHOTS,
               help="its time stood still, or went on meanwhile"),
        Option(names=("--verify",), group=SNAPSHOTS, help="read its memory against the checksums first"),
        Option(names=("--snapshot",), value="FILE", group=SNAPSHOTS,
               help="save it when a deadline, Ctrl-A x or a signal ends it"),
        Option(names=("-kernel",), value="IMAGE", help=""),
        Option(names=("-no-reboot",), help=""),
    ),
    notes=f'Linux has "{LINUX_WORDS}" unless --append says otherwise.\n'
    "On a terminal: Ctrl-A x quits, Ctrl-A h helps. Input from a pipe goes to COM1,\n"
    "and to the keyboard too when the machine boots from a drive.",
)  # fmt: skip
