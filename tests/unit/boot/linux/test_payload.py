"""The kernel in a bzImage, unpacked in every form there is a way for."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys

import pytest

from vmm.boot.linux import bzimage, payload, setup_header
from vmm.errors import BootError
from vmm.units import MiB

SIZE_BEHIND = {"bzip2", "lzma", "xz", "zstandard", "lz4"}


def zstd(content: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(content)


def lz4(content: bytes) -> bytes:
    """The legacy frame: a magic number, then blocks of up to 8 MiB, each with its packed size in front."""
    from lz4.block import compress

    parts = [compress(content[at : at + 8 * MiB], store_size=False) for at in range(0, len(content), 8 * MiB)]
    return b"\x02\x21\x4c\x18" + b"".join(len(part).to_bytes(4, "little") + part for part in parts)


PACKERS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    "xz": lambda content: lzma.compress(content, filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2}]),
    "zstandard": zstd,
    "lz4": lz4,
}


def packed(form: str, content: bytes) -> bytes:
    size = len(content).to_bytes(4, "little") if form in SIZE_BEHIND else b""
    return PACKERS[form](content) + size


@pytest.mark.parametrize("form", PACKERS)
def test_every_form_unpacks_to_the_elf_file(kernels, form):
    elf = kernels.vmlinux() + bytes(9 * MiB) + b"end"
    assert payload.unpack(memoryview(packed(form, elf)), 16 * MiB) == elf


@pytest.mark.parametrize("form", PACKERS)
def test_damage_is_one_line_that_names_the_form(kernels, form):
    content = packed(form, kernels.vmlinux() * 100)
    for cut in (len(content) // 2, len(content) - 12):
        with pytest.raises(BootError, match=f"its payload, packed by {form}, is damaged: ") as caught:
            payload.unpack(content[:cut], MiB)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", PACKERS)
def test_more_than_there_may_be_is_refused(kernels, form):
    with pytest.raises(BootError, match="has more than the 1 MiB"):
        payload.unpack(packed(form, kernels.vmlinux() + bytes(20 * MiB)), MiB)


@pytest.mark.parametrize("form", PACKERS)
def test_what_is_no_elf_file_is_refused(form):
    with pytest.raises(BootError, match=f"packed by {form}, holds no ELF file"):
        payload.unpack(packed(form, b"MZ" * 100), MiB)


@pytest.mark.parametrize(("form", "module"), [("zstandard", "zstandard"), ("lz4", "lz4.block")])
def test_a_package_that_is_missing_is_named(kernels, monkeypatch, form, module):
    content = packed(form, kernels.vmlinux())
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(payload.Unavailable, match=f"packed by {form}, for which Python's package of that name"):
        payload.unpack(content, MiB)


def test_an_unknown_form_is_shown_by_its_first_bytes():
    with pytest.raises(payload.Unavailable, match=r"a form that is not known here \(89 4c 5a 4f \.\.\.\)"):
        payload.unpack(b"\x89LZO\0\r\n\x1a\n", MiB)


def test_the_header_says_where_the_payload_is(kernels):
    image = kernels.bzimage(payload=b"payload!")
    start, size = bzimage.expect_payload(setup_header.read(image), image)
    assert image[start : start + size] == b"payload!"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"payload_length": 0}, "payload_length: boot protocol 2.15 tells of no payload to unpack"),
        ({"version": 0x0207}, "payload_length: boot protocol 2.07 tells of no payload to unpack"),
        ({"payload_length": 0x10000}, "payload_length: the payload ends at 0x10700, the file at"),
    ],
)
def test_a_wrong_place_is_refused_by_its_field(kernels, fields, words):
    image = kernels.bzimage(payload=b"payload!", **fields)
    with pytest.raises(BootError) as caught:
        bzimage.expect_payload(setup_header.read(image), image)
    assert words in str(caught.value)
