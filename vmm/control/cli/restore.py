"""`vmm restore`: a saved machine runs on, with what `vmm run` offers a run."""

from __future__ import annotations

from ...errors import ConfigError
from ...machine.machine import Machine
from . import run
from .options import Command
from .run_config import host_side
from .run_options import COMMAND as RUN
from .run_options import SNAPSHOTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_DRIVES = ("fda", "hda", "hdb", "cdrom", "symbols")
_SHORT = ("--clock", "--verify", "--deadline", "--console", "--stats", "--stats-out", "--json", "--quiet", "--snapshot")
_HERE = (
    *_SHORT, "--exit-code", "--display", "--screenshot", "--report", "--trace", "--trace-filter", "--trace-trigger",
    "--trace-at", "--msrs", "--device", "--repl", "--budget", "--expect", "--symbols", "--fda", "--hda", "--hdb",
    "--cdrom",
)  # fmt: skip
_AS_RUN = "as of vmm run"

COMMAND = Command(
    name="restore",
    summary="Runs a saved machine on, from where it stood.",
    arguments="FILE",
    least=1,
    most=1,
    options=tuple(
        option.replace(group="" if option.names[0] in _SHORT else _AS_RUN)
        for option in RUN.options
        if option.names[0] in _HERE
    ),
    notes="It is vmm run --restore FILE. Its memory is read as the guest touches it.\n"
    "Drives must be where they were, or be named again.",
)


def main(words: list[str]) -> int:
    """The command's exit code."""
    return run.main(words, COMMAND)


def as_run(values: dict[str, Any], plain: list[str]) -> tuple[dict[str, Any], list[str]]:
    """What was given to `vmm restore`, as if to `vmm run`."""
    whole: dict[str, Any] = {option.field: [] if option.many else option.default for option in RUN.options}
    return {**whole, **values, "restore": plain[0]}, []


def restorer(
    values: dict[str, Any], plain: list[str]
) -> Callable[[Callable[[Machine], None], dict[str, Any]], Machine]:
    """Makes the machine of --restore: given what prepares it and more changes. ConfigError for options that a saved
    machine has no use for."""
    standing = {option.field: option.default for option in RUN.options if not option.many}
    useless = [
        option.names[0]
        for option in RUN.options
        if option.group != SNAPSHOTS
        and option.names[0] not in _HERE
        and values[option.field] != ([] if option.many else standing[option.field])
    ]
    if plain:
        useless.append(plain[0])
    if useless:
        raise ConfigError.of("--restore", f"a saved machine is what it is: {', '.join(useless)} cannot be changed")
    changes = {**host_side(values), **{name: values[name] for name in _DRIVES if values[name] is not None}}

    def restored(prepare: Callable[[Machine], None], more: dict[str, Any]) -> Machine:
        verify = True if values["verify"] else None
        return Machine.restore(values["restore"], values["clock"], prepare, verify, **{**changes, **more})

    return restored
