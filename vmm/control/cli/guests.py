"""`vmm guests`: the guests that come with vmm, listed, described, and held against what they expect."""

from __future__ import annotations

import sys

from ...units import format_size
from .. import guest_set
from .options import Command, Option, help_page, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMAND = Command(
    name="guests",
    summary="Lists the guests that come with vmm; with NAMEs describes them.",
    arguments="[NAME...]",
    most=1000,
    options=(
        Option(names=("--check",), help="run them (all without NAMEs) against their expect.toml"),
        Option(names=("--source",), help="print the source"),
        Option(names=("--json",), help="one JSON document on stdout"),
    ),
    notes="Run one with: vmm run --guest NAME --stats\n$VMM_GUESTS names another folder of guests.",
)


def main(words: list[str]) -> int:
    """The command's exit code: 1 when a checked guest did not do as expected."""
    values, names = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    is_listing, names = not names, names or guest_set.names()
    if values["check"]:
        return _check(names, bool(values["json"]))
    specs = [guest_set.describe(name) for name in names]
    if values["json"]:
        from ..json_file import to_text

        sys.stdout.write(to_text({"guests": [_as_dict(spec) for spec in specs]}))
    elif values["source"]:
        for spec in specs:
            with open(guest_set.source(spec), encoding="utf-8") as file:
                sys.stdout.write(file.read())
    elif not is_listing:
        sys.stdout.write("\n\n".join(_described(spec) for spec in specs) + "\n")
    else:
        sys.stdout.write(_listing(specs))
    return 0


def _listing(specs: list[Any]) -> str:
    """One line of at most 80 columns for each."""
    first = max(len(spec.name) for spec in specs) if specs else 0
    return "".join(f"{spec.name:<{first}}  {_shortened(spec.summary, 78 - first)}\n" for spec in specs)


def _shortened(text: str, width: int) -> str:
    """All of a summary, or what it says ahead of its first colon, or as many words as fit."""
    if len(text) <= width:
        return text
    ahead, colon, _ = text.partition(":")
    if colon and len(ahead) < width:
        return f"{ahead}."
    return text[: width - 3].rsplit(" ", 1)[0].rstrip(",;:") + "..."


def _as_dict(spec: Any) -> dict[str, Any]:
    left_out = ("image", "warn", "console")
    machine = {name: value for name, value in spec.machine.as_dict().items() if name not in left_out}
    return {"name": spec.name, "summary": spec.summary, "folder": spec.folder, "machine": machine}


def _described(spec: Any) -> str:
    from textwrap import fill

    machine = spec.machine
    given = [
        f"--{name} {value}"
        for name, value in machine.as_dict().items()
        if name in ("mode", "vcpus", "cpu", "irqchip") and value != getattr(type(machine), name)
    ]
    given.append(f"--memory {format_size(machine.memory).replace(' ', '')}")
    lines = [spec.name, fill(spec.summary, 78, initial_indent="  ", subsequent_indent="  ")]
    lines += [f"  machine  {' '.join(given)}"]
    expected = spec.expected
    value = "" if expected.outcome_value is None else f" {expected.outcome_value:#x}"
    lines += [f"  ends     {expected.outcome_kind}{value}"]
    for host, other in spec.differs:
        words = f"on {host:<6}{other.outcome_kind}: {other.why}"
        lines.append(fill(words, 78, initial_indent="  ", subsequent_indent=" " * 11))
    return "\n".join([*lines, f"  source   {guest_set.source(spec)}"])


def _check(names: list[str], is_json: bool) -> int:
    from ..guest_run import run_and_check

    for name in names:
        guest_set.describe(name)  # a name that is wrong is told before anything runs
    results: dict[str, list[str]] = {}
    for name in names:
        results[name] = run_and_check(name)
        if not is_json:
            sys.stdout.write(f"{'ok' if not results[name] else 'FAILED':<7} {name}\n")
            for failure in results[name]:
                sys.stdout.write(f"        {failure}\n")
            sys.stdout.flush()
    failed = [name for name, failures in results.items() if failures]
    if is_json:
        from ..json_file import to_text

        sys.stdout.write(to_text({"guests": results, "failed": failed}))
    else:
        sys.stdout.write(f"{len(names) - len(failed)} passed, {len(failed)} failed\n")
    return 1 if failed else 0
