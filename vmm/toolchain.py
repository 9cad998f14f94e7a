"""gcc and binutils at work: what they make of our sources is kept in a cache, complete or not there at all.

A build happens beside its place and moves in by one rename, so two builders at once do no harm. Nothing here knows
what is built: see vmm.control.guest_set and vmm.machine.rom.
"""

from __future__ import annotations

import os

from .errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REMEDY = "apt install gcc binutils"


def cache(kind: str) -> str:
    """The folder for built files of one kind: $XDG_CACHE_HOME/vmm/<kind>, or below ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(home if os.path.isabs(home) else os.path.expanduser("~/.cache"), "vmm", kind)


def digest(flags: object, paths: Iterable[str]) -> str:
    """16 hex digits that differ when a flag, a file's name or its content does."""
    from hashlib import sha256

    total = sha256(repr(flags).encode())
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        total.update(f"{os.path.basename(path)} {len(content)}\n".encode() + content)
    return total.hexdigest()[:16]


def make(what: str, home: str, product: str, commands: Sequence[Sequence[str]]) -> None:
    """Runs the commands in a new folder and moves it to `home`, which then has the file `product` and no objects.

    HostError, with `what` in its words and all that the tool said as a note, when a tool is missing or refuses the
    source; OSError when the folder above
    `home` cannot be written.
    """
    from shutil import rmtree
    from tempfile import mkdtemp

    above = os.path.dirname(home)
    os.makedirs(above, exist_ok=True)
    work = mkdtemp(prefix=".making-", dir=above)
    try:
        for command in commands:
            _run(what, command, work)
        for entry in os.listdir(work):
            if entry.endswith(".o"):
                os.unlink(os.path.join(work, entry))
        os.chmod(work, 0o755)
        try:
            os.rename(work, home)
        except OSError:
            if not os.path.isfile(os.path.join(home, product)):  # else somebody else was faster
                raise
    finally:
        rmtree(work, ignore_errors=True)


def _run(what: str, command: Sequence[str], work: str) -> None:
    from subprocess import DEVNULL, PIPE, STDOUT, run

    try:
        done = run(command, cwd=work, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, check=False)
    except FileNotFoundError:
        raise HostError(f"{what} cannot be built: there is no {command[0]}", REMEDY) from None
    if done.returncode:
        lines = [line for line in done.stdout.decode(errors="replace").splitlines() if "error" in line.lower()]
        first = lines[0] if lines else f"exit status {done.returncode}"
        remedy = REMEDY if "cannot execute" in first else ""
        error = HostError(f"{what} cannot be built: {command[0]}: {first}", remedy)
        error.add_note(done.stdout.decode(errors="replace").rstrip())
        raise error
