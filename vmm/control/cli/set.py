"""`vmm set`: makes a machine that runs larger or smaller, its disks and networks faster or slower."""

from __future__ import annotations

import json
import sys
import time

from ...errors import ConfigError
from ...units import MILLISECOND, SECOND, format_size, parse_duration
from ..json_file import to_text
from .options import Command, Option, help_page, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AGAIN = 0.1
"""Seconds between two looks at what the guest has done."""
DEADLINE = 124

COMMAND = Command(
    name="set",
    summary="Changes what a machine that runs may have; without NAME=VALUE says what stands.",
    arguments="[PID|MACHINE] [NAME=VALUE ...]",
    most=100,
    options=(
        Option(names=("--wait",), value="TIME", convert=parse_duration, default=0,
               help="until the guest has what was asked; 124 after TIME"),
        Option(names=("--json",), help="one JSON document on stdout: what stands then"),
    ),
    notes="""\
NAME is one of
  memory                 bytes in all, up to its --memory-max: 512M
  balloon                bytes that the guest shall do without (--balloon)
  disk0.bandwidth        bytes a second of the first --disk; 0 is no limit
  disk0.operations       its requests a second
  disk0.burst            how much of both a rest may save up: 100ms
  net0.bandwidth ...     the same of the first --net, of frames both ways
A guest takes and gives memory when it can: look again, or --wait.""",
)  # fmt: skip


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    from ..live.chosen import chosen

    machine = plain.pop(0) if plain and "=" not in plain[0] else ""
    wanted = dict(map(_pair, plain))
    info, socket = chosen(machine)
    end = time.monotonic_ns() + values["wait"]
    answer = _asked(socket, wanted)
    while (lacks := _lacking(answer["settings"], wanted)) and (left := end - time.monotonic_ns()) > 0:
        time.sleep(min(left / SECOND, AGAIN))
        answer = _asked(socket, {})
    if values["json"]:
        sys.stdout.write(to_text({"machine": info, **answer}))
    else:
        for name, setting in answer["settings"].items():
            line = f"{name + '=' + _text(name, setting['value']):<28}{_note(name, setting)}"
            sys.stdout.write(line.rstrip() + "\n")
    if values["wait"] and lacks:
        sys.stderr.write(f"vmm: the guest has not made it so: {', '.join(lacks)}\n")
        return DEADLINE
    return 0


def _asked(socket: str, wanted: dict[str, str]) -> dict[str, Any]:
    """What stands, once those are set."""
    from ..live.sockets import ask

    answer: dict[str, Any] = json.loads(ask(socket, f"set {json.dumps({'values': wanted})}"))
    if "error" in answer:
        raise ConfigError.of("", answer["error"])
    return answer


def _lacking(settings: dict[str, dict[str, int]], wanted: dict[str, str]) -> list[str]:
    """What the guest has to do yet of what is wanted."""
    return [name for name in wanted if settings[name].get("actual", settings[name]["value"]) != settings[name]["value"]]


def _pair(word: str) -> tuple[str, str]:
    name, equals, text = word.partition("=")
    if not equals:
        raise ConfigError.of("", f"{word}: NAME=VALUE is needed, such as memory=512M")
    return name, text


def _text(name: str, value: int) -> str:
    """As it may be given again."""
    if name.endswith(".operations"):
        return str(value)
    if name.endswith(".burst"):
        return f"{value / MILLISECOND:.15g}ms"
    return format_size(value).replace(" ", "").removesuffix("iB").removesuffix("B")


def _note(name: str, setting: dict[str, Any]) -> str:
    if "actual" in setting:
        verb = "has" if name == "memory" else "does without"
        least, most = format_size(setting["least"]), format_size(setting["most"])
        return f"the guest {verb} {format_size(setting['actual'])}; {least} to {most} can be asked for"
    if name.endswith(".burst"):
        return ""
    unit = "bytes" if name.endswith(".bandwidth") else "frames" if name.startswith("net") else "requests"
    return f"{unit} a second" if setting["value"] else "no limit"
