"""`vmm report`: a run as one page of HTML."""

from __future__ import annotations

import os
import sys

from ...observe.html.page import page
from ..exit_file import exits_of, read_document
from ..whole_file import check_path, write_file
from .options import Command, Option, help_page, parse

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
