"""The guests that come with the VMM: where they are, what each expects, and their images, built on first use.

Images live in a cache: $XDG_CACHE_HOME/vmm/guests/<name>-<digest of sources and flags>/.
"""

from __future__ import annotations

import os

from .. import toolchain
from ..errors import ConfigError, HostError, nearest
from .guest_spec import GuestSpec, parse_spec

LIBRARY = "lib"
"""The folder beside the guests with what they share."""

C_FLAGS = (
    "-g", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-ffreestanding", "-nostdlib", "-nostdinc", "-static",
    "-fno-pic", "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-tree-loop-distribute-patterns",
    "-fcf-protection=none", "-mgeneral-regs-only", "-mno-red-zone",
)  # fmt: skip
"""No library, and no instruction that a guest without SSE, or KVM's instruction emulator, could not execute."""

LD_FLAGS = ("-nostdlib", "-static", "-z", "noexecstack", "--build-id=none", "--no-warn-rwx-segments")

_WIDTH = {"real": 32, "protected": 32, "paged": 32, "long": 64}
_DEFAULT_LOAD = {"real": 0x1000, "protected": 0x10_0000, "paged": 0x10_0000, "long": 0x10_0000}


def find() -> str:
    """The folder of the guests: $VMM_GUESTS, or the installed package's, or the repository's.

    ConfigError when $VMM_GUESTS names no such folder, HostError when there is none at all.
    """
    own = os.environ.get("VMM_GUESTS", "")
    if own:
        if not os.path.isdir(os.path.join(own, LIBRARY)):
            raise ConfigError.of("VMM_GUESTS", f"{own} is no folder of guests: it has no {LIBRARY}/")
        return own
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(package, "guests"), os.path.join(os.path.dirname(package), "guests")):
        if os.path.isdir(os.path.join(folder, LIBRARY)):
            return folder
    raise HostError(f"no guests beside {package}", "install the package again, or run from the repository")


def names(folder: str | None = None) -> list[str]:
    """The guests in `folder` (by default find()), in alphabetical order."""
    folder = folder or find()
    return sorted(name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name, "expect.toml")))


def describe(name: str, folder: str | None = None) -> GuestSpec:
    """What the guest is and expects. ConfigError when there is no such guest or its files have a fault."""
    folder = folder or find()
    if name not in (known := names(folder)):
        raise ConfigError.of("guest", f"there is no {name!r} here{nearest(name, known)}; known: {', '.join(known)}")
    home = os.path.join(folder, name)
    with open(os.path.join(home, "expect.toml"), encoding="utf-8") as file:
        text = file.read()
    try:
        with open(os.path.join(home, "README.md"), encoding="utf-8") as file:
            summary = file.readline().strip()
    except FileNotFoundError:
        raise ConfigError.of(f"{name}/README.md", "is missing: one line that says what the guest shows") from None
    return parse_spec(text, name, summary, home)


def source(spec: GuestSpec) -> str:
    """The path of the guest's source. ConfigError when it has none."""
    for name in ("guest.c", "guest.S"):
        path = os.path.join(spec.folder, name)
        if os.path.isfile(path):
            return path
    raise ConfigError.of(spec.name, "has neither guest.S nor guest.c")


def build(name: str, folder: str | None = None, cache: str | None = None) -> str:
    """The path of the guest's image, made now unless it is in the cache already; `image_symbols` names its ELF file.

    ConfigError when there is no such guest, HostError when gcc or binutils are missing or refuse the source, or the
    cache cannot be written.
    """
    spec = describe(name, folder)
    cache = cache or toolchain.cache("guests")
    try:
        home = os.path.join(cache, f"{name}-{_digest(spec)}")
        image = os.path.join(home, f"{name}.elf" if spec.build == "elf" else f"{name}.bin")
        if not os.path.isfile(image):
            toolchain.make(f"guest {name}", home, f"{name}.elf", _commands(spec))
    except OSError as error:
        trouble = f"guest {name} cannot be built: {error.strerror}: {error.filename}"
        raise HostError(trouble, "set XDG_CACHE_HOME to a folder that can be written") from error
    return image


def image_symbols(image: str) -> str:
    """The ELF file with the symbols of an image that `build` made."""
    return os.path.splitext(image)[0] + ".elf"


def _sources(spec: GuestSpec) -> list[str]:
    """The files that a guest's image depends on."""
    library = os.path.join(os.path.dirname(spec.folder), LIBRARY)
    own = [os.path.join(spec.folder, name) for name in os.listdir(spec.folder) if name.startswith("guest.")]
    if not own:
        raise ConfigError.of(spec.name, "has neither guest.S nor guest.c")
    return sorted(own) + sorted(os.path.join(library, name) for name in os.listdir(library))


def _digest(spec: GuestSpec) -> str:
    machine = spec.machine
    flags = (C_FLAGS, LD_FLAGS, machine.mode, machine.load, spec.build, spec.drives)
    return toolchain.digest(flags, _sources(spec))


def _commands(spec: GuestSpec) -> list[list[str]]:
    machine = spec.machine
    mode = "real" if spec.drives or machine.is_kernel else machine.mode or "long"
    width = _WIDTH[mode]
    library = os.path.join(os.path.dirname(spec.folder), LIBRARY)
    load = machine.load if machine.load is not None else spec.drives.load if spec.drives else _DEFAULT_LOAD[mode]
    if machine.is_kernel:
        load = 0  # its code counts from the start of its segment
    in_c = os.path.isfile(os.path.join(spec.folder, "guest.c"))
    sources = [os.path.join(library, "start.S")] if in_c else []
    sources.append(os.path.join(spec.folder, "guest.c" if in_c else "guest.S"))
    commands, objects = [], []
    for source in sources:
        target = os.path.splitext(os.path.basename(source))[0] + ".o"
        compile = ["gcc", f"-m{width}", *C_FLAGS, f"-ffile-prefix-map={os.path.dirname(spec.folder)}=guests"]
        commands.append([*compile, "-I", library, "-c", source, "-o", target])
        objects.append(target)
    script = os.path.join(library, "image.ld")
    emulation = "elf_x86_64" if width == 64 else "elf_i386"
    link = ["ld", "-m", emulation, *LD_FLAGS, f"--defsym=load_address={load:#x}", "-T", script]
    commands.append([*link, "-o", f"{spec.name}.elf", *objects])
    if spec.build == "flat":
        pad = ["--gap-fill", "0", f"--pad-to={load + spec.drives.size:#x}"] if spec.drives else []
        commands.append(["objcopy", "-O", "binary", *pad, f"{spec.name}.elf", f"{spec.name}.bin"])
    return commands
