"""`vmm migrate`: moves a machine that runs to another process or host, or has a standby there follow it."""

from __future__ import annotations

import json
import os
import sys

from ...errors import ConfigError, HostError
from ...machine.moving.addresses import parsed
from ...units import SECOND, format_duration, format_size, parse_duration
from ..json_file import to_text
from .options import Command, Option, help_page, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 3600.0
"""Seconds that a move may take."""


def _seconds(text: str) -> float:
    seconds = parse_duration(text) / SECOND
    if seconds <= 0:
        raise ValueError(f"{text!r} is no time to wait")
    return seconds


COMMAND = Command(
    name="migrate",
    summary="Moves a machine that runs to one who waits at ADDRESS.",
    arguments="[PID|NAME] ADDRESS",
    least=1,
    most=2,
    options=(
        Option(names=("--downtime",), value="TIME", convert=_seconds, default=0.3,
               help="how long it may stand still, about (300ms)"),
        Option(names=("--standby",), help="it stays here; a standby follows it there"),
        Option(names=("--every",), value="TIME", convert=_seconds, default=1.0,
               help="with --standby: between two looks (1s)"),
        Option(names=("--json",), help="one JSON document on stdout: rounds, bytes, time"),
    ),
    notes="ADDRESS is unix:PATH or tcp:HOST:PORT. There waits vmm restore --listen ADDRESS,\n"
    "or vmm standby ADDRESS. Whatever fails, the machine goes on here.",
)  # fmt: skip


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    from ..live.chosen import chosen
    from ..live.sockets import ask

    address = _absolute(plain[-1])
    info, socket = chosen(plain[0] if len(plain) == 2 else "")
    if values["standby"]:
        request = "mirror " + json.dumps({"address": address, "every": values["every"]})
    else:
        request = "migrate " + json.dumps({"address": address, "downtime": values["downtime"]})
    answer = json.loads(ask(socket, request, PATIENCE))
    if "error" in answer:
        raise HostError(answer["error"])
    if values["json"]:
        sys.stdout.write(to_text({**answer, "machine": info}))
    else:
        sys.stderr.write(f"vmm: {info['pid']} ({info['name']}) {_words(answer, address)}\n")
    return 0


def _words(answer: dict[str, Any], address: str) -> str:
    if "sent" not in answer:
        return f"is followed by a standby at {address}"
    still, sent = format_duration(answer["still_ns"]), format_size(answer["sent"])
    return f"went on at {address}: {sent} sent in {answer['rounds']} rounds, {still} still"


def _absolute(address: str) -> str:
    """A path from where the user stands, not the machine's process."""
    parsed(address)
    kind, _, rest = address.partition(":")
    if kind == "unix":
        address = f"unix:{os.path.abspath(rest)}"
    parsed(address)
    return address


def listening(address: str) -> str:
    """The address for one who waits there. ConfigError for what is none."""
    parsed(address)
    kind, _, path = address.partition(":")
    if kind == "unix" and os.path.exists(path):
        raise ConfigError.of("address", f"{path} is there already")
    return address
