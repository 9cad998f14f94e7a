"""`vmm top`: the exits of a machine that runs, second by second."""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
import time

from ...errors import ConfigError, HostError
from ...observe import top_screen
from ...observe.rates import BY, SORTS, as_json, rates
from ...observe.statistics import ExitStatistics
from ...units import SECOND, parse_duration
from ..live.chosen import chosen, seen
from ..live.sockets import ask
from .options import Command, Option, help_page, one_of, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...observe.rates import Rate


def _interval(text: str) -> float:
    nanoseconds = parse_duration(text)
    if nanoseconds < 10_000_000:
        raise ValueError(f"{text!r} is too short: 10ms or more")
    return nanoseconds / SECOND


COMMAND = Command(
    name="top",
    summary="Shows the exits a second of a machine that runs, by location or device.",
    arguments="[PID|NAME]",
    most=1,
    options=(
        Option(names=("--interval", "-d"), value="TIME", convert=_interval, default=1.0,
               help="between two looks: 500ms, 2s (1s)"),
        Option(names=("--by",), value="WHAT", convert=one_of(*BY), default="location", help="location or device"),
        Option(names=("--sort",), value="COLUMN", convert=one_of(*SORTS), default="rate",
               help="rate, time, p99 or name"),
        Option(names=("--list", "-l"), help="list the machines that run, and leave"),
        Option(names=("--once",), help="two looks, one table, and leave"),
        Option(names=("--json",), help="with --once or --list: one JSON document"),
    ),
    notes="Keys: q quits, p pauses, s sorts, d by device, arrows choose, enter opens a row.\n"
    "A machine can be seen once it has run for 0.3s, by the user who runs it.",
)  # fmt: skip


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    if values["json"] and not (values["once"] or values["list"]):
        raise ConfigError.of("--json", "needs --once or --list")
    machines = seen()
    if values["list"]:
        return _list(machines, values["json"])
    info, path = chosen(plain[0] if plain else "", machines)
    if values["once"]:
        return _once(info, path, values)
    if os.isatty(0) and os.isatty(1) and os.environ.get("TERM", "dumb") != "dumb":
        from .top_keys import show

        return show(info, path, values)
    return _lines(info, path, values)


def look(path: str) -> ExitStatistics | None:
    """The statistics now; None when the machine has ended."""
    try:
        document = json.loads(ask(path, "stats json"))
    except (HostError, ValueError):
        return None
    return None if "error" in document else ExitStatistics.from_json(document)


def text(info: dict[str, Any], before: ExitStatistics, after: ExitStatistics, values: dict[str, Any],
         width: int) -> tuple[list[str], list[Rate]]:  # fmt: skip
    """The heading in lines, and the rates."""
    found = rates(before, after, values["by"], values["sort"])
    return [top_screen.heading(info, before, after, width)], found


def _list(machines: list[tuple[dict[str, Any], str]], as_document: bool) -> int:
    if as_document:
        sys.stdout.write(json.dumps([info for info, _ in machines], indent=1) + "\n")
        return 0
    for info, _ in machines:
        sys.stdout.write(f"{info['pid']:>8}  {info['exits']:>12,} exits  {info['name']}\n")
    return 0


def _once(info: dict[str, Any], path: str, values: dict[str, Any]) -> int:
    before = look(path)
    time.sleep(values["interval"])
    after = look(path)
    if before is None or after is None:
        raise HostError("the machine ended meanwhile")
    if values["json"]:
        sys.stdout.write(json.dumps({**as_json(before, after), "machine": info}, indent=1) + "\n")
        return 0
    _print(info, before, after, values)
    return 0


def _lines(info: dict[str, Any], path: str, values: dict[str, Any]) -> int:
    """A table an interval, for logs and pipes, until the machine ends."""
    before = look(path)
    while before is not None:
        select.select([], [], [], values["interval"])
        after = look(path)
        if after is None:
            break
        _print(info, before, after, values)
        before = after
    sys.stdout.write("the machine has ended\n")
    return 0


def _print(info: dict[str, Any], before: ExitStatistics, after: ExitStatistics, values: dict[str, Any]) -> None:
    width = shutil.get_terminal_size((100, 24)).columns
    head, found = text(info, before, after, values, width)
    sys.stdout.write("\n".join([*head, *top_screen.rows(found, values["by"], width)]) + "\n\n")
    sys.stdout.flush()
