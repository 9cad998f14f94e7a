"""Linux kernels of some instructions, for what can be tried of Linux on every host."""

from __future__ import annotations

import pytest

from vmm.units import MiB

CONSOLE = 0x3F8


class Kernels:
    """Makers of code and of images that boot as Linux does, by the 64-bit entry."""

    HALT = b"\xf4"

    @staticmethod
    def image(code: bytes) -> bytes:
        """A bzImage, boot protocol 2.15, that runs `code` in long mode."""
        setup = bytearray(1024)
        fields = (
            (0x1F1, 1, 1), (0x1F4, 4, 0x80), (0x1FE, 2, 0xAA55), (0x200, 2, 0x66EB), (0x206, 2, 0x020F), (0x211, 1, 1),
            (0x22C, 4, 0x7FFF_FFFF), (0x230, 4, 2 * MiB), (0x234, 1, 1), (0x236, 2, 1), (0x238, 4, 255),
            (0x258, 8, 16 * MiB), (0x260, 4, 4 * MiB),
        )  # fmt: skip
        for at, size, value in fields:
            setup[at : at + size] = value.to_bytes(size, "little")
        setup[0x202:0x206] = b"HdrS"
        return bytes(setup) + (bytes(0x200) + code).ljust(0x800, Kernels.HALT)

    @staticmethod
    def write(port: int, value: int, size: int = 1) -> bytes:
        """mov dx, port; mov eax, value; out dx, al or ax."""
        out = {1: b"\xee", 2: b"\x66\xef"}[size]
        return b"\x66\xba" + port.to_bytes(2, "little") + b"\xb8" + value.to_bytes(4, "little") + out

    @staticmethod
    def say(text: bytes) -> bytes:
        """Each byte of `text` to COM1."""
        return b"".join(Kernels.write(CONSOLE, byte) for byte in text)

    @staticmethod
    def until_the_power_button() -> bytes:
        """Switches ACPI on, enables the button, waits for its flag, and powers off."""
        poll = b"\x66\xba\x00\x06\x66\xed\xf6\xc4\x01\x74\xf9"  # mov dx, 0x600; in ax, dx; test ah, 1; jz
        enable = Kernels.write(0xB2, 0xF1) + Kernels.write(0x602, 0x0100, 2)
        return enable + poll + Kernels.write(0x604, 0x2000, 2) + Kernels.HALT


@pytest.fixture(scope="session")
def kernels() -> type[Kernels]:
    return Kernels
