"""Guests from source text, built by gcc and binutils and kept in a cache: for tests that hold their guest."""

from __future__ import annotations

import os

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENTRY_C = """
.globl _start
_start:
    call guest_main
    out %al, $0xf4
1:  hlt
    jmp 1b
"""
"""Before a C guest: guest_main()'s answer goes to the debug-exit port."""
BITS = {"real": 16, "protected": 32, "paged": 32, "long": 64}
TEXT = {"real": 0x1000, "protected": 0x10_0000, "paged": 0x10_0000, "long": 0x10_0000}
"""Where code is linked to, for each CPU mode."""
C_FLAGS = ("-c", "-O2", "-g", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-fcf-protection=none",
           "-fno-asynchronous-unwind-tables", "-fno-omit-frame-pointer", "-mno-sse", "-mno-mmx", "-mno-red-zone",
           "-mcmodel=kernel", "-Wall")  # fmt: skip


def build_guest(text: str, language: str, mode: str = "long", origin: str = "the guest's text", line: int = 1) -> str:
    """Path of an ELF file (a flat image for real mode) made of GNU assembly or freestanding C.

    `language` is "asm" or "c". Assembly starts at _start, which need not be global, or at its first instruction; C
    has `guest_main`, whose answer is written to the debug-exit port. Messages of the tools count from `line` of
    `origin`. HostError, with all that the tools said as a note, when they are missing or refuse the text.
    """
    from .. import toolchain

    if mode not in BITS or language not in ("asm", "c") or (language == "c" and mode == "real"):
        known = ", ".join(BITS)
        raise ConfigError.of("mode", f"no {language} guests in {mode!r} mode; there are {known}, for C all but real")
    bits = BITS[mode]
    home = os.path.join(toolchain.cache("texts"), _key(text, language, mode))
    product = os.path.join(home, "guest")
    if os.path.isfile(product):
        return product
    sources = os.path.join(toolchain.cache("texts"), f".source-{os.getpid()}")
    os.makedirs(sources, exist_ok=True)
    try:
        entry, body = os.path.join(sources, "entry.S"), os.path.join(sources, "body.c" if language == "c" else "body.S")
        marked = f'# {line} "{origin}"\n'
        with open(entry, "w", encoding="utf-8") as file:
            file.write(f".code{bits}\n{ENTRY_C if language == 'c' else ''}")
        with open(body, "w", encoding="utf-8") as file:
            if language == "c":
                file.write(marked + text + "\n")
            else:
                has_start = any(row.strip().startswith("_start:") for row in text.splitlines())
                head = ".globl _start\n" + ("" if has_start else "_start:\n")
                file.write(f".code{bits}\n{head}{marked}{text}\n")
        toolchain.make(origin, home, "guest", list(_commands(language, mode, entry, body)))
    finally:
        for name in os.listdir(sources):
            os.unlink(os.path.join(sources, name))
        os.rmdir(sources)
    return product


def _key(text: str, language: str, mode: str) -> str:
    from hashlib import sha256

    return sha256(repr((text, language, mode, C_FLAGS, ENTRY_C)).encode()).hexdigest()[:20]


def _commands(language: str, mode: str, entry: str, body: str) -> Any:
    width = "64" if BITS[mode] == 64 else "32"
    emulation = "elf_x86_64" if width == "64" else "elf_i386"
    yield "gcc", f"-m{width}", "-c", "-g", "-o", "entry.o", entry
    flags: tuple[str, ...] = C_FLAGS if language == "c" else ("-c", "-g")
    if width == "32":
        flags = tuple(flag for flag in flags if flag not in ("-mcmodel=kernel", "-mno-red-zone"))
    yield "gcc", f"-m{width}", *flags, "-o", "body.o", body
    form = ("--oformat=binary",) if mode == "real" else ()
    first = ("entry.o", "body.o")
    yield "ld", "-m", emulation, "-N", *form, f"-Ttext={TEXT[mode]:#x}", "-e", "_start", "-o", "guest", *first
