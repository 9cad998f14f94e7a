"""`vmm profile`: a run as of `vmm run`, and then the guest's functions that caused its exits, as table and pictures."""

from __future__ import annotations

import sys

from ...errors import ConfigError
from ...observe import functions
from ...observe.function_table import render
from . import run
from .options import Command, Option
from .run_options import COMMAND as RUN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.call_stacks import CallStacks
    from ...machine.machine import Machine

_OWN = (
    Option(names=("--flame",), value="FILE", help="write a flame graph of the exits, as SVG"),
    Option(names=("--collapsed",), value="FILE", help="write folded stacks: outer;inner COUNT"),
    Option(names=("--speedscope",), value="FILE", help="write JSON for www.speedscope.app"),
    Option(names=("--stacks",), help="call stacks in these, by the guest's frame pointers"),
)
_FILES = ("flame", "collapsed", "speedscope")
_AS_RUN = "as of vmm run"
_SHORT = ("--memory", "--vcpus", "--guest", "--deadline", "--symbols", "--quiet")

COMMAND = Command(
    name="profile",
    summary="Boots IMAGE and prints the functions that cause exits to stderr.",
    arguments="IMAGE",
    most=1,
    options=(
        *_OWN,
        *(
            option.replace(group="" if option.names[0] in _SHORT else _AS_RUN)
            for option in {option.names[0]: option for option in RUN.options}.values()
        ),
    ),
    notes="Takes every option of vmm run, and ends with the same exit code.",
)


class Profile:
    """What `vmm profile` does beside a run."""

    def __init__(self) -> None:
        self._stacks: CallStacks | None = None

    def check(self, values: dict[str, Any]) -> None:
        """ConfigError for files that could not be written."""
        from ..whole_file import check_path

        for field in _FILES:
            if values[field] is not None:
                check_path(f"--{field}", values[field])
        if values["stacks"] and not any(values[field] for field in _FILES):
            raise ConfigError.of("--stacks", "needs a file for them: --flame, --collapsed or --speedscope")

    def attach(self, machine: Machine, values: dict[str, Any]) -> None:
        """Before the machine runs."""
        if values["stacks"]:
            from ...machine.call_stacks import CallStacks

            self._stacks = CallStacks(machine)

    def report(self, machine: Machine, values: dict[str, Any]) -> None:
        """The table, and the files that are asked for."""
        from ..whole_file import write_file

        exits = machine.exits
        program, hidden = exits.program(), exits.hidden
        sys.stderr.write("\n" + render(functions.by_function(exits.exits, program)) + "\n")
        if hidden is not None and hidden.hidden:
            from ...observe.hidden_table import by_function

            sys.stderr.write("\n" + "\n".join(by_function(hidden.by_function(program))) + "\n")
        if not any(values[field] for field in _FILES):
            return
        stacks = self._stacks.folded(program) if self._stacks else functions.folded(exits.exits, program)
        if hidden is not None:
            stacks = {**stacks, **hidden.folded(program)}
        image = machine.config.image
        name = values["guest"] or (image if isinstance(image, str) else "") or "a drive"
        if values["flame"] is not None:
            from ...observe.flame_graph import flame_graph

            write_file(values["flame"], flame_graph(stacks, f"VM exits of {name}").encode())
        if values["collapsed"] is not None:
            from ...observe.stacks import collapsed

            write_file(values["collapsed"], collapsed(stacks).encode())
        if values["speedscope"] is not None:
            from ...observe.stacks import speedscope
            from ..json_file import write_json

            write_json(values["speedscope"], speedscope(stacks, name))


def main(words: list[str]) -> int:
    """The command's exit code."""
    return run.main(words, COMMAND, Profile())
