"""`vmm report`: a run as one page of HTML."""

from __future__ import annotations

import os
import sys

from ...observe.html.page import page
from ..exit_file import exits_of, read_document
from ..json_file import run_document
from ..whole_file import check_path, write_file
from .options import Command, Option, help_page, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.machine import Machine
    from ...machine.outcome import Outcome
    from .budget import Budget

COMMAND = Command(
    name="report",
    summary="Makes one page of a run, as --stats-out or --json wrote it, for a browser.",
    arguments="RUN.json",
    least=1,
    most=1,
    options=(
        Option(names=("--output", "-o"), value="FILE", help="where to write it; RUN.html beside RUN.json if left out"),
        Option(names=("--title",), value="WORDS", help="its title; the name of RUN.json if left out"),
    ),
    notes="The page needs no other file and no network. docs/report.md says more.",
)


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    source = plain[0]
    target = values["output"] or os.path.splitext(source)[0] + ".html"
    check_path("--output", target)
    document = read_document(source)
    title = values["title"] or f"Exits of {os.path.splitext(os.path.basename(source))[0]}"
    write_file(target, page(exits_of(document, source), title, document).encode())
    return 0


def write_page(machine: Machine, outcome: Outcome, values: dict[str, Any], budget: Budget | None) -> None:
    """--report of `vmm run`: the page of a run that has just ended."""
    document = run_document(machine, outcome, values["exit_code"])
    if budget is not None:
        budget.amend(document)
    image = machine.config.image
    title = f"Exits of {os.path.basename(image) if image and isinstance(image, str) else 'a run'}"
    write_file(values["report"], page(machine.exits, title, document).encode())
