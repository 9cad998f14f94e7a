"""Tiny kernels that look where the boot protocol puts things, started by every entry under the real KVM."""

from __future__ import annotations

import gzip
import lzma
import struct

import pytest

from vmm import BootError, ConfigError, Machine
from vmm.units import MiB

OK, ENTRY = 42, 16 * MiB
ZERO_PAGE, START_INFO = b"\x8b\x86\x02\x02\0\0\x3dHdrS", b"\x8b\x03\x3d\x78\xc5\x6e\x33"
"""mov eax, [esi or rsi + 0x202]; cmp eax, "HdrS" - and mov eax, [ebx]; cmp eax, the magic number."""
ANSWER = b"\x66\xba\xf4\x00\x0f\x94\xc0\x04\x29\xee\xf4"
"""mov dx, 0xf4; sete al; add al, 41; out dx, al; hlt - in 32 and 64 bits alike."""
PVH_OFFSET = 0x40


def vmlinux(zero_page: bytes = ZERO_PAGE) -> bytes:
    """An ELF file with a kernel's note for PVH; `zero_page` is the code at its 64-bit entry."""
    code = (zero_page + ANSWER).ljust(PVH_OFFSET, b"\xf4") + START_INFO + ANSWER
    note = struct.pack("<III4sQ", 4, 8, 18, b"Xen\0", ENTRY + PVH_OFFSET)
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, ENTRY, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 7, 0x100, 0xFFFF_FFFF_8100_0000, ENTRY, len(code), len(code), 8)
    notes = struct.pack("<IIQQQQQQ", 4, 0, 0x100 + len(code), 0, 0, len(note), len(note), 4)
    return (header + load + notes).ljust(0x100, b"\0") + code + note


def bzimage(payload: bytes = b"", entry: bytes = ZERO_PAGE) -> bytes:
    """A bzImage with `entry` as the code at both of its entries, and a payload behind them."""
    kernel = (entry + ANSWER).ljust(0x200, b"\xf4") + (entry + ANSWER).ljust(0x100, b"\xf4") + payload
    kernel += bytes(-len(kernel) % 16)
    setup = bytearray(1024)
    setup[0x1F1], setup[0x201] = 1, 0x66
    setup[0x1FE:0x200], setup[0x202:0x208] = b"\x55\xaa", b"HdrS\x0f\x02"
    for at, layout, value in (
        (0x1F4, "<I", len(kernel) // 16), (0x211, "<B", 1), (0x22C, "<I", 0x7FFF_FFFF), (0x234, "<B", 1),
        (0x236, "<H", 1), (0x238, "<I", 2047), (0x248, "<I", 0x300), (0x24C, "<I", len(payload)),
        (0x258, "<Q", ENTRY), (0x260, "<I", MiB),
    ):  # fmt: skip
        struct.pack_into(layout, setup, at, value)
    return bytes(setup) + kernel


WRONG = b"\x31\xc0\x83\xf8\x01"
"""xor eax, eax; cmp eax, 1: an entry that must not be taken."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of unpacked kernels of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "vmm" / "kernels"


def run(image, **fields) -> int:
    with Machine(image=image, **fields) as machine:
        return machine.run(deadline=20).value


@pytest.mark.parametrize("fields", [
    {"boot_protocol": "linux64", "direct": False}, {"boot_protocol": "linux32"}, {"direct": False}, {},
], ids=str)  # fmt: skip
def test_a_bzimage_finds_its_zero_page(fields):
    assert run(bzimage(), **fields) == OK


@pytest.mark.parametrize("fields", [{}, {"boot_protocol": "linux64"}, {"boot_protocol": "pvh"}], ids=str)
def test_a_vmlinux_finds_what_its_entry_promises(fields):
    assert run(vmlinux(), **fields) == OK


@pytest.mark.parametrize("fields", [{}, {"direct": True}, {"boot_protocol": "pvh"}], ids=str)
@pytest.mark.parametrize("pack", [gzip.compress, lambda content: lzma.compress(content) + bytes(4)], ids=["gzip", "xz"])
def test_the_kernel_in_a_bzimage_is_unpacked_and_started(pack, fields):
    assert run(bzimage(pack(vmlinux()), WRONG), **fields) == OK


def test_without_direct_the_bzimage_itself_is_started():
    assert run(bzimage(gzip.compress(vmlinux(WRONG))), direct=False) == OK


def test_an_unpacked_kernel_is_kept_by_its_content(cache, tmp_path):
    file = tmp_path / "vmlinuz"
    file.write_bytes(bzimage(gzip.compress(vmlinux()), WRONG))
    assert run(str(file)) == OK
    (kept,) = [path for path in cache.iterdir() if not path.is_symlink()]
    kept.write_bytes(vmlinux(WRONG))  # what the cache says is believed: it is not unpacked again
    assert run(str(file)) == OK - 1
    file.write_bytes(bzimage(gzip.compress(vmlinux(), 1), WRONG))
    assert run(str(file)) == OK


def test_a_cache_that_cannot_be_written_does_no_harm(cache):
    cache.parent.write_text("a file in its place")
    assert run(bzimage(gzip.compress(vmlinux()), WRONG)) == OK


def test_a_payload_that_nothing_here_unpacks_is_left_to_the_bzimage():
    image = bzimage(b"\x89LZO payload")
    assert run(image) == OK
    with pytest.raises(BootError, match="its payload is in a form that is not known here"):
        run(image, direct=True)


@pytest.mark.parametrize("vcpus", [1, 64])
def test_linux_has_memory_controllers_and_words_by_default(vcpus):
    with Machine(image=bzimage(), vcpus=vcpus) as machine:
        assert (machine.config.memory, machine.config.irqchip) == (256 * MiB, "kernel")
        assert machine.config.command_line == "console=ttyS0 reboot=k panic=-1"
        assert machine.memory.read(0x91000, 32) == b"console=ttyS0 reboot=k panic=-1\0"


def test_words_replace_those_by_default_or_come_behind_them():
    for given, line in (("quiet", "quiet"), ("+quiet", "console=ttyS0 reboot=k panic=-1 quiet")):
        with Machine(image=bzimage(), command_line=given) as machine:
            assert machine.config.command_line == line


@pytest.mark.parametrize(
    ("image", "fields", "words"),
    [
        (vmlinux(), {"direct": True}, "direct: is for a bzImage"),
        (vmlinux(), {"boot_protocol": "linux32"}, "boot_protocol: linux32 is for a bzImage"),
        (bzimage(), {"boot_protocol": "pvh", "direct": False}, "direct: PVH starts an ELF file"),
        (bzimage(), {"boot_protocol": "linux32", "direct": True}, "direct: the 32-bit entry is the bzImage's own"),
        (bzimage(), {"boot_protocol": "linux"}, "'linux' is not one of linux64, linux32, linux16, pvh"),
        (b"\xf4", {"boot_protocol": "linux64"}, "found a flat binary, neither a bzImage nor an ELF file"),
        (bzimage(), {"memory": 16 * MiB}, "init_size: the kernel starts in"),
        (bzimage(), {"boot_protocol": "pvh"}, "payload_length: boot protocol 2.15 tells of no payload"),
    ],
)
def test_refusals_are_one_line(image, fields, words):
    with pytest.raises((BootError, ConfigError)) as caught:
        Machine(image=image, **fields)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_kernel_cut_off_at_any_sector_is_refused_in_one_line():
    image = bzimage(bytes(4096))
    image = b"MZ" + image[2:]
    for cut in range(512, len(image), 512):
        with pytest.raises((BootError, ConfigError)) as caught:
            Machine(image=image[:cut])
        assert "\n" not in str(caught.value)


def test_memory_is_cached_on_every_cpu_as_firmware_leaves_it():
    with Machine(image=bzimage(), vcpus=2) as machine:
        assert [vcpu.fd.get_msrs([0x2FF])[0x2FF] for vcpu in machine.vcpus] == [0x806, 0x806]


def test_a_kernel_that_our_bios_starts_finds_acpi_beside_the_rom():
    with Machine(image=bzimage(), boot_protocol="linux16", vcpus=2) as machine:
        root = machine.memory.read(0xE0000, 36)
        assert root[:8] == b"RSD PTR "
        assert sum(root) & 0xFF == 0
        assert machine.memory.read(int.from_bytes(root[24:32], "little"), 4) == b"XSDT"
