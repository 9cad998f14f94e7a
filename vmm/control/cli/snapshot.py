"""`vmm snapshot`: saves a machine that runs, and says what is in a snapshot."""

from __future__ import annotations

import json
import os
import sys

from ...errors import ConfigError, HostError
from ..json_file import to_text
from .options import Command, Option, help_page, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.machine import Machine
    from ...machine.outcome import Outcome

ACTIONS = ("show", "squash", "serve")
PATIENCE = 600.0
"""Seconds that a machine has to write itself down."""

COMMAND = Command(
    name="snapshot",
    summary="Saves a machine that runs, to be gone on with by `vmm restore FILE`.",
    arguments="[PID|NAME] FILE | show|squash|serve FILE [TO]",
    least=1,
    most=3,
    options=(
        Option(names=("--track",), help="have the machine note what it writes from now on"),
        Option(names=("--diff",), help="only what it wrote since the last one, which stays"),
        Option(names=("--verify",), help="show: read the memory against its checksums"),
        Option(names=("--json",), help="one JSON document on stdout"),
    ),
    notes="The machine stands still while it is written, and goes on.\n"
    "show says what is in FILE and what it needs of a host; squash makes one whole\n"
    "snapshot of FILE and those that it adds to, in its place or as TO; serve gives\n"
    "it, at unix:PATH or tcp:HOST:PORT, to all who vmm restore --from there.",
)


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    if plain[0] in ACTIONS and len(plain) > 1:
        return {"show": _show, "squash": _squash, "serve": _serve}[plain[0]](plain[1:], values)
    if len(plain) > 2:
        raise ConfigError.of("", f"usage: vmm snapshot {COMMAND.arguments}")
    return _save(plain[-1], plain[0] if len(plain) == 2 else "", values)


def save_at_end(machine: Machine, outcome: Outcome, path: str) -> None:
    """For --snapshot: saves a machine whose run may go on; says so when it may not."""
    from ...machine.outcome import RESUMABLE

    if outcome.kind in RESUMABLE:
        machine.snapshot(path)
        sys.stderr.write(f"vmm: saved as {path}\n")
    else:
        sys.stderr.write(f"vmm: not saved, for it has ended: {outcome.words}\n")


def _save(path: str, wanted: str, values: dict[str, Any]) -> int:
    from ..live.chosen import chosen
    from ..live.sockets import ask
    from ..whole_file import check_path

    check_path("FILE", path)
    info, socket = chosen(wanted)
    asked = {"path": os.path.abspath(path), "track": bool(values["track"]), "differential": bool(values["diff"])}
    answer = json.loads(ask(socket, f"snapshot {json.dumps(asked)}", PATIENCE))
    if "error" in answer:
        raise HostError(answer["error"])
    if values["json"]:
        sys.stdout.write(to_text({**answer, "machine": info}))
    else:
        sys.stderr.write(f"vmm: {info['pid']} ({info['name']}) is saved as {path}\n")
    return 0


def _show(plain: list[str], values: dict[str, Any]) -> int:
    from ...machine.saved.show import document, render

    if len(plain) != 1:
        raise ConfigError.of("", "usage: vmm snapshot show FILE")
    found = document(plain[0], bool(values["verify"]))
    sys.stdout.write(to_text(found) if values["json"] else render(found) + "\n")
    return 0


def _serve(plain: list[str], _: dict[str, Any]) -> int:
    from .serve import serve

    if len(plain) != 2:
        raise ConfigError.of("", "usage: vmm snapshot serve FILE ADDRESS")
    return serve(*plain)


def _squash(plain: list[str], values: dict[str, Any]) -> int:
    from ...machine.saved.squash import squash

    if len(plain) > 2:
        raise ConfigError.of("", "usage: vmm snapshot squash FILE [NEW]")
    id = squash(plain[0], plain[-1])
    if values["json"]:
        sys.stdout.write(to_text({"id": id, "path": os.path.abspath(plain[-1])}))
    return 0
