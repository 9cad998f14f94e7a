"""`vmm restore`: a saved machine runs on, or one that migrates here, with what `vmm run` offers a run."""

from __future__ import annotations

from ...errors import ConfigError
from ...machine.machine import Machine
from . import run
from .options import Command
from .run_config import attached, host_side
from .run_options import COMMAND as RUN
from .run_options import SNAPSHOTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Prepare = Callable[[Machine], None]

_DRIVES = ("fda", "hda", "hdb", "cdrom", "symbols", "firmware")
_SHORT = (
    "--from", "--listen", "--clock", "--verify", "--deadline", "--console", "--stats", "--stats-out", "--json",
    "--quiet", "--snapshot",
)  # fmt: skip
_HERE = (
    *_SHORT, "--exit-code", "--display", "--screenshot", "--report", "--trace", "--trace-filter", "--trace-trigger",
    "--trace-at", "--msrs", "--device", "--repl", "--budget", "--expect", "--symbols", "--fda", "--hda", "--hdb",
    "--cdrom", "--firmware", "--disk", "--net", "--port", "--share",
)  # fmt: skip
MOVED_WITHOUT = ("--from", "--listen", "--clock", "--verify")
"""Options that `vmm standby` has no use for."""
_AS_RUN = "as of vmm run"

COMMAND = Command(
    name="restore",
    summary="Runs a saved machine on, from where it stood, or one that migrates here.",
    arguments="FILE",
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


def as_run(name: str, values: dict[str, Any], plain: list[str]) -> tuple[dict[str, Any], list[str]]:
    """What was given to `vmm restore` or `vmm standby`, as if to `vmm run`."""
    whole: dict[str, Any] = {option.field: [] if option.many else option.default for option in RUN.options}
    given = [*plain, *filter(None, [values.get("listen"), values.get("from")])]
    if len(given) != 1:
        usage = "ADDRESS" if name == "standby" else "FILE, --from ADDRESS or --listen ADDRESS"
        raise ConfigError.of("", f"{'too many' if given else 'too few'} arguments; usage: vmm {name} {usage}")
    named = next((each for each in ("listen", "from") if values.get(each)), name)
    return {**whole, **values, named: given[0]}, []


def restorer(values: dict[str, Any], plain: list[str]) -> Callable[[Prepare, dict[str, Any]], Machine | None]:
    """Makes the machine of --restore, --listen or --standby: given what prepares it and more changes. None when it is
    not needed here. ConfigError for options that a saved machine has no use for."""
    useless = [
        option.names[0]
        for option in RUN.options
        if option.group != SNAPSHOTS
        and option.names[0] not in (*_HERE, "--standby")
        and values[option.field] != ([] if option.many else option.default)
    ]
    if useless or plain:
        raise ConfigError.of(
            "--restore", f"a saved machine is what it is: {', '.join([*useless, *plain])} cannot be changed"
        )
    drives = {name: values[name] for name in _DRIVES if values[name] is not None}
    changes = {**host_side(values), **drives, **attached(values)}

    def restored(prepare: Prepare, more: dict[str, Any]) -> Machine | None:
        asked = {**changes, **more}
        if values["listen"] is not None:
            return Machine.receive(_free(values["listen"]), prepare, **asked)
        if values["from"] is not None:
            return Machine.restore_from(values["from"], values["clock"], prepare, **asked)
        if values["standby"] is not None:
            return Machine.stand_by(_free(values["standby"]), prepare, **asked)
        return Machine.restore(values["restore"], values["clock"], prepare, values["verify"] or None, **asked)

    return restored


def _free(address: str) -> str:
    from .migrate import listening

    return listening(address)
