"""Our own BIOS as a ROM image: assembled from firmware/ on first use, kept in a cache as the guests are.

A wheel carries the sources as it carries the guests: they lie in vmm/firmware/ there.
"""

from __future__ import annotations

import os

from .. import toolchain
from ..errors import HostError

AS_FLAGS = ("-m32", "-g", "-c", "-nostdinc")
LD_FLAGS = ("-m", "elf_i386", "-nostdlib", "-static", "-z", "noexecstack", "--build-id=none", "--no-warn-rwx-segments")


def find() -> str:
    """The folder of the sources: the installed package's, or the repository's. HostError when there is none."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(package, "firmware"), os.path.join(os.path.dirname(package), "firmware")):
        if os.path.isfile(os.path.join(folder, "bios.ld")):
            return folder
    raise HostError(f"no firmware beside {package}", "install the package again, or run from the repository")


def build(folder: str | None = None, cache: str | None = None) -> str:
    """The path of the image, 64 KiB, made now unless it is in the cache already; bios.elf beside it has the symbols.

    HostError when gcc or binutils are missing or refuse a source, or the cache cannot be written.
    """
    folder = folder or find()
    try:
        sources = sorted(name for name in os.listdir(folder) if name.endswith((".S", ".h", ".ld")))
        digest = toolchain.digest((AS_FLAGS, LD_FLAGS), [os.path.join(folder, name) for name in sources])
        home = os.path.join(cache or toolchain.cache("firmware"), f"bios-{digest}")
        image = os.path.join(home, "bios.bin")
        if not os.path.isfile(image):
            toolchain.make("the BIOS", home, "bios.bin", _commands(folder, sources))
    except OSError as error:
        trouble = f"the BIOS cannot be built: {error.strerror}: {error.filename}"
        raise HostError(trouble, "set XDG_CACHE_HOME to a folder that can be written") from error
    return image


def symbols(image: str) -> str:
    """The ELF file with the symbols of an image that `build` made: offsets in the BIOS segment."""
    return os.path.splitext(image)[0] + ".elf"


def _commands(folder: str, sources: list[str]) -> list[list[str]]:
    stems = [name[:-2] for name in sources if name.endswith(".S")]
    prefix = f"-ffile-prefix-map={folder}=firmware"
    assemble = [
        ["gcc", *AS_FLAGS, prefix, "-I", folder, os.path.join(folder, f"{stem}.S"), "-o", f"{stem}.o"] for stem in stems
    ]
    script = os.path.join(folder, "bios.ld")
    link = ["ld", *LD_FLAGS, "-e", "reset", "-T", script, "-o", "bios.elf", *(f"{stem}.o" for stem in stems)]
    return [*assemble, link, ["objcopy", "-O", "binary", "--gap-fill", "0xff", "bios.elf", "bios.bin"]]
