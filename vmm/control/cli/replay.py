"""`vmm replay`: the devices of a recorded machine, driven again without /dev/kvm."""

from __future__ import annotations

import sys

from ...errors import ConfigError, SnapshotError
from ...machine.replayer import Replayer
from ...observe.exit_filter import ExitFilter
from ...observe.recording import Reader
from ..json_file import to_text
from .options import Command, Option, help_page, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMAND = Command(
    name="replay",
    summary="Drives the devices of a recording (vmm run --record FILE) without KVM.",
    arguments="FILE",
    least=1,
    most=1,
    options=(
        Option(names=("--device", "-device"), value="DEVICE", many=True,
               help="a device of yours, as vmm run --device had it"),
        Option(names=("--list",), help="print the traffic, and drive nothing"),
        Option(names=("--filter",), value="WORDS", help="--list: device=,port=A-B,mmio=A-B,direction="),
        Option(names=("--json",), help="one JSON document on stdout"),
    ),
    notes="Tells the first answer or interrupt line that is not as it was recorded.\n\n"
          "Exit code: 0 no difference, 1 one, 125 no recording.",
)  # fmt: skip


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    path = plain[0]
    try:
        with open(path, "rb") as file:
            reader = Reader(file, path)
            return _list(reader, values) if values["list"] else _replay(reader, values, path)
    except OSError as error:
        raise ConfigError.of(path, f"cannot be read: {error.strerror}") from None
    except SnapshotError as error:
        raise ConfigError.of(path, str(error)) from None


def _list(reader: Reader, values: dict[str, Any]) -> int:
    wanted = ExitFilter(values["filter"] or "", "--filter")
    for number, event in enumerate(reader.events(), 1):
        if event.is_access:
            reason = "io" if event.kind in ("in", "out") else "mmio"
            if not wanted.takes(reason, event.kind, event.values[0], event.values[3]):
                continue
        elif values["filter"]:
            continue
        sys.stdout.write(f"{number:>8}  {event.in_words()}\n")
    return 0


def _replay(reader: Reader, values: dict[str, Any], path: str) -> int:
    replayer = Replayer(reader)
    try:
        if values["device"]:
            from .user_device import plug

            for asked in values["device"]:
                plug(replayer, asked)
        count, difference = replayer.run()
    finally:
        replayer.close()
    if values["json"]:
        found = None if difference is None else difference.as_json()
        sys.stdout.write(to_text({"schema": "vmm.replay", "version": 1, "events": count, "whole": reader.is_whole,
                                  "difference": found}) + "\n")  # fmt: skip
    elif difference is None:
        cut = "" if reader.is_whole else "; the recording was cut off there"
        sys.stdout.write(f"{count:,} events, no difference{cut}\n")
    else:
        lines = [f"event {difference.number:,}: another {difference.what}", f"  {difference.event.in_words()}"]
        lines += [f"  recorded  {_shown(difference.recorded)}", f"  given     {_shown(difference.given)}"]
        lines += ["before it:", *(f"  {event.in_words()}" for event in difference.before)]
        sys.stdout.write("\n".join(lines) + "\n")
    return int(difference is not None)


def _shown(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) else str(value) or "nothing"
