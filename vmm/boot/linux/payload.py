"""The kernel inside a bzImage, unpacked here instead of by the code in front of it.

gzip, bzip2, lzma and xz by the standard library, zstd and lz4 by the packages of that name where they are installed.
Not modelled: lzo. Sources: Linux Documentation/arch/x86/boot.rst (payload_offset), scripts/Makefile.lib (every form
but gzip has the size behind it, in four bytes); the LZ4 legacy frame: lz4 doc/lz4_Frame_format.md.
"""

from __future__ import annotations

from ...errors import BootError
from ...units import KiB, MiB, format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..loader import Image

format = "bzimage"

_ELF = b"\x7fELF"
_LZ4_BLOCK = 8 * MiB
_ZSTD_STEP = 64 * KiB
"""Packed bytes taken at once: what they unpack to may be a thousand times as much."""


class Unavailable(BootError):
    """Nothing here unpacks this form; words say what would."""


def unpack(payload: Image, most: int) -> bytes:
    """The ELF file in `payload`, of at most `most` bytes. Unavailable where it cannot be done here, BootError for
    damage."""
    name, function = _form(payload)
    try:
        content = function(payload, most)
    except ImportError:
        raise Unavailable(
            format, f"its payload is packed by {name}, for which Python's package of that name is missing"
        ) from None
    except BootError:
        raise
    except Exception as error:  # each of the libraries has errors of its own
        raise BootError(format, f"its payload, packed by {name}, is damaged: {error}") from None
    if len(content) > most:
        raise BootError(format, f"its payload has more than the {format_size(most)} of memory when unpacked")
    if content[:4] != _ELF:
        raise BootError(format, f"its payload, packed by {name}, holds no ELF file")
    return content


def _form(payload: Image) -> tuple[str, Callable[[Image, int], bytes]]:
    for magic, name, function in _FORMS:
        if bytes(payload[: len(magic)]) == magic:
            return name, function
    raise Unavailable(format, f"its payload is in a form that is not known here ({bytes(payload[:4]).hex(' ')} ...)")


def _plain(payload: Image, most: int) -> bytes:
    return bytes(payload)


def _gzip(payload: Image, most: int) -> bytes:
    import zlib

    unpacker = zlib.decompressobj(wbits=31)
    return _whole(unpacker.decompress(payload, most + 1), unpacker.eof, most)


def _bzip2(payload: Image, most: int) -> bytes:
    import bz2

    unpacker = bz2.BZ2Decompressor()
    return _whole(unpacker.decompress(payload, most + 1), unpacker.eof, most)


def _lzma(payload: Image, most: int) -> bytes:
    import lzma

    unpacker = lzma.LZMADecompressor()
    return _whole(unpacker.decompress(payload, most + 1), unpacker.eof, most)


def _whole(content: bytes, ended: bool, most: int) -> bytes:
    if not ended and len(content) <= most:
        raise ValueError("it ends too soon")
    return content


def _zstd(payload: Image, most: int) -> bytes:
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
    content = bytearray()
    for at in range(0, len(payload), _ZSTD_STEP):
        content += unpacker.decompress(payload[at : at + _ZSTD_STEP])
        if unpacker.eof or len(content) > most:
            break
    return _whole(bytes(content), unpacker.eof, most)


def _lz4(payload: Image, most: int) -> bytes:
    from lz4.block import decompress

    content = bytearray()
    at, end = 4, len(payload) - 4
    while at + 4 <= end and len(content) <= most:
        size = int.from_bytes(payload[at : at + 4], "little")
        if at + 4 + size > end:
            raise ValueError(f"a block of {size} bytes at {at:#x} does not end in it")
        content += decompress(payload[at + 4 : at + 4 + size], uncompressed_size=_LZ4_BLOCK)
        at += 4 + size
    return _whole(bytes(content), len(content) == int.from_bytes(payload[-4:], "little"), most)


_FORMS: tuple[tuple[bytes, str, Callable[[Image, int], bytes]], ...] = (
    (b"\x1f\x8b", "gzip", _gzip),
    (b"BZh", "bzip2", _bzip2),
    (b"\x5d\0\0", "lzma", _lzma),
    (b"\xfd7zXZ\0", "xz", _lzma),
    (b"\x28\xb5\x2f\xfd", "zstandard", _zstd),
    (b"\x02\x21\x4c\x18", "lz4", _lz4),
    (_ELF, "nothing", _plain),
)
