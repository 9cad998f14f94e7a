"""Requests that cannot be: one line that starts with "vmm: ", the documented code, and nothing left behind."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys

import pytest


def elf(*segments, machine=62, kind=2, entry=0x10_0000):
    """A 64-bit ELF file of (physical address, contents) segments."""
    start = 64 + 56 * len(segments)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, entry, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    table, body = b"", b""
    for address, content in segments:
        table += struct.pack("<IIQQQQQQ", 1, 5, start + len(body), address, address, len(content), len(content), 4096)
        body += content
    return head + table + body


HLT = b"\xfa\xf4"
PE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0\x64\x86" + bytes(200)

IMAGES = {
    "empty": (b"", "found an empty file"),
    "text": (b"Hello, world, this is no program\n", "found a text file"),
    "script": (b"#!/bin/sh\nexit\n", "found a script"),
    "gzip": (b"\x1f\x8b\x08" + bytes(60), "found a gzip file"),
    "pe": (PE, "found a PE executable"),
    "elf for arm": (elf((0x10_0000, HLT), machine=40), "found an ELF64 executable for ARM"),
    "elf for aarch64": (elf((0x10_0000, HLT), machine=183), "for AArch64"),
    "elf object": (elf((0x10_0000, HLT), kind=1), "relocatable object"),
    "elf, four bytes of it": (b"\x7fELF", "ELF"),
    "elf, half a header": (elf((0x10_0000, HLT))[:40], "ends inside its header, after 40 bytes"),
    "elf, half the segments": (elf((0x10_0000, HLT * 100))[:-100], "truncated?"),
    "elf, overlapping segments": (elf((0x10_0000, HLT * 9), (0x10_0008, HLT * 9)), "segments 0 and 1 overlap"),
    "elf, beyond memory": (elf((0x4000_0000, HLT), entry=0x4000_0000), "not all guest RAM (16 MiB)"),
    "elf, entry nowhere": (elf((0x10_0000, HLT), entry=0x20_0000), "entry 0x200000 lies in no segment"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_that_does_not_boot_is_refused_with_what_it_is(vmm, image, name):
    content, words = IMAGES[name]
    assert words in vmm.refused("run", image(content, name="odd image"))


def test_a_few_bytes_of_machine_code_are_no_text_file(vmm, image):
    assert vmm("run", image(b"\xb0\x78\xe6\xf4\xf4")).code == 0x78


def test_a_missing_image_is_named(vmm):
    assert vmm.refused("run", "no such") == "image: cannot read no such: No such file or directory"
    assert "a b" in vmm.refused("run", "a\nb")


def test_a_folder_is_no_image(vmm):
    assert "Is a directory" in vmm.refused("run", ".")


def test_a_device_without_end_is_no_image(vmm):
    def little_memory():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    vmm.refused("run", "/dev/zero", preexec_fn=little_memory)


def test_an_unreadable_image_is_refused(vmm, image, code, unprivileged):
    path = image(code.halt)
    os.chmod(path, 0)
    assert "Permission denied" in vmm.refused("run", path, prefix=unprivileged)


def test_an_image_larger_than_memory_is_refused(vmm, image):
    words = vmm.refused("run", "-m", "64k", "--load", "0x1000", "--format=flat", image(bytes(100_000)))
    assert "the image of 100000 bytes needs [0x1000, 0x196a0)" in words
    assert "64 KiB" in words


def test_a_load_address_beyond_memory_is_refused(vmm, image, code):
    words = vmm.refused("run", "--mode=protected", "--load=0x40000000", image(code.halt))
    assert "[0x40000000, 0x40000002)" in words
    assert "16 MiB" in words


OPTIONS = {
    "--uuid=0": "uuid: 8-4-4-4-12 hexadecimal digits with dashes between them, not '0'",
    "--memory=0": "a guest needs some",
    "--memory=4097b": "1 over",
    "--memory=-16": "is not a size",
    "--memory=lots": "'lots' is not a size",
    "--memory=1T": "1T",
    "--memory=0xzz": "'0xzz' is not a size",
    "--memory=1.0e999": "'1.0e999' is not",
    "--memory=1000000G": "there can be",
    "--memory=": "'' is not a size",
    "--memry=16M": "unknown option --memry, did you mean --memory?",
    "--memory": "--memory: needs a value: SIZE",
    "--stats=yes": "takes no value",
    "--cpu=host,+popcont": "did you mean popcnt?",
    "--cpu=hots": "did you mean host?",
    "--irqchip=kernal": "did you mean kernel?",
    "--mode=lang": "did you mean long?",
    "--vcpus=0": "from 1 to 64",
    "--vcpus=two": "'two' is not a number",
    "--vcpus=65": "from 1 to 64",
    "--load=-1": "not a guest physical address",
    "--load=here": "'here' is not a number",
    "--deadline=soon": "'soon' is not a duration",
    "--deadline=-1s": "-1s",
    "--deadline=1e400s": "is not a duration",
    "--format=coff": "there is no such format",
    "--console=tty": "is not one of",
    "--exit-code=odd": "is not one of raw, qemu",
    "--user": "ring 3",
    "--symbols=nowhere": "cannot read nowhere",
    "--stats-out=no/such/folder/x": "there is no folder",
    "--stats-out=.": "is a folder",
    "another-image": "too many arguments; usage: vmm run IMAGE",
    "-kernel=another-image": "more than one image given",
    "--guest=hello-long": "more than one image given",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_makes_no_sense_is_refused_in_words(vmm, code, image, option):
    assert OPTIONS[option] in vmm.refused("run", image(code.halt), option)


def test_no_image_at_all_shows_the_usage(vmm):
    assert vmm.refused("run") == "no image given; usage: vmm run IMAGE"


@pytest.mark.parametrize("words", ["run --guest", "guests", "guests --check", "guests --json"])
def test_an_unknown_guest_is_refused_with_the_nearest(vmm, words):
    assert "there is no 'hello-lung' here, did you mean hello-long?" in vmm.refused(*words.split(), "hello-lung")


def test_an_unknown_command_is_refused_with_the_nearest(vmm):
    assert vmm.refused("rum") == "unknown command rum, did you mean run?"
    assert vmm.refused("--verison").startswith("unknown command")


def test_several_faults_are_told_at_once(vmm, code, image):
    words = vmm.refused("run", "-m", "0", "--vcpus", "99", image(code.halt))
    assert "memory: " in words
    assert "vcpus: " in words


def test_a_port_claimed_twice_is_told_with_both_owners(vmm):
    program = """
from vmm import Device, Machine
class Lamp(Device):
    name = "lamp"
    def read(self, offset, size): return 0
    def write(self, offset, size, value): pass
with Machine(image=b"\\xf4") as machine:
    machine.ports.claim(0x3fa, 2, Lamp())
"""
    done = subprocess.run([sys.executable, "-c", program], env=vmm.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("vmm.errors.ConfigError: io 0x3fa: lamp asks for")
    assert "com1 holds" in last
