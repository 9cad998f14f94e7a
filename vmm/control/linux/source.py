"""Where the kernel and the initramfs of `vmm linux` come from: scripts/guest-linux, and what it said the last time."""

from __future__ import annotations

import os
import subprocess

from ...errors import HostError

_SCRIPT = os.path.join("scripts", "guest-linux")
_MADE_OF = (_SCRIPT, "scripts/lib/kernel", "scripts/lib/initramfs", "guests/linux/init", "guests/linux/port.c",
            "vmm/boot/cpio.py")  # fmt: skip
_REMEDY = "run from the repository, or name what to boot: vmm linux --kernel FILE --initrd FILE"


def fetch(flavour: str = "cloud", modules: tuple[str, ...] = ()) -> tuple[str, str]:
    """Paths of (kernel, initramfs), made now where they are not there yet; the script says on stderr what it does.

    HostError when it fails, or when there is no script, as in an installed package.
    """
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    script = os.path.join(root, _SCRIPT)
    if not os.path.isfile(script):
        raise HostError("the script that fetches a kernel is not here", _REMEDY)
    note = os.path.join(_cache(), "-".join((flavour, *modules)) + ".paths")
    known = _noted(note, [os.path.join(root, path) for path in _MADE_OF])
    if known is not None:
        return known
    words = [script, "-f", flavour, *(word for module in modules for word in ("-m", module))]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    paths = done.stdout.decode().split("\n")[:-1]
    if done.returncode or len(paths) != 2:
        raise HostError("there is no Linux to boot: scripts/guest-linux failed, see above", _REMEDY)
    with open(f"{note}.{os.getpid()}", "w", encoding="utf-8") as file:
        file.write("\n".join(paths))
    os.replace(f"{note}.{os.getpid()}", note)
    return paths[0], paths[1]


def _cache() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "vmm", "linux")


def _noted(note: str, made_of: list[str]) -> tuple[str, str] | None:
    """What the script said last, unless something it is made of has changed since, or its files are gone."""
    try:
        since = os.stat(note).st_mtime_ns
        with open(note, encoding="utf-8") as file:
            kernel, initramfs = file.read().split("\n")
        is_new = all(os.stat(path).st_mtime_ns < since for path in made_of)
    except (OSError, ValueError):
        return None
    return (kernel, initramfs) if is_new and os.path.exists(kernel) and os.path.exists(initramfs) else None
