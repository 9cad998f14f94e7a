"""`vmm doctor`: what this host's KVM can and cannot do, tried and not only asked."""

from __future__ import annotations

import sys

from ..doctor import report
from ..doctor.examination import examine
from . import HOST_CANNOT
from .options import Command, Option, help_page, parse

COMMAND = Command(
    name="doctor",
    summary="Says what this host's KVM can and cannot do, by running some 35 tiny guests.",
    options=(
        Option(names=("--brief",), help="the verdict in one line"),
        Option(names=("--json",), help="one JSON document on stdout (docs/doctor-json.md)"),
    ),
    notes="Exit code: 0 when KVM is usable, 126 when it is not. Takes about a second.",
)


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, _ = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    seen = examine()
    if values["json"]:
        from ..doctor.document import as_json
        from ..json_file import to_text

        sys.stdout.write(to_text(as_json(seen)))
    else:
        sys.stdout.write(report.brief(seen) if values["brief"] else report.render(seen))
    return 0 if seen.is_usable else HOST_CANNOT
