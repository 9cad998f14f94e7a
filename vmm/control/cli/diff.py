"""`vmm diff`: what differs between the exits of two runs, or of one and several before it."""

from __future__ import annotations

import shutil
import sys

from ...observe.exit_diff import diff
from ..exit_file import exits_of, read_document
from ..json_file import to_text
from .options import Command, Option, help_page, parse


def part(text: str) -> float:
    """A converter: "5%" or "0.05"."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ValueError(f"{text!r} is not a part such as 5% or 0.05") from None
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not between 0% and 100%")
    return value


COMMAND = Command(
    name="diff",
    summary="Compares the exits of two runs, as --stats-out or --json wrote them.",
    arguments="BEFORE... AFTER",
    least=2,
    most=1 << 20,
    options=(
        Option(
            names=("--threshold",), value="PART", convert=part, default=0.0, help="counts may differ by so much: 5%"
        ),
        Option(names=("--json",), help="one JSON document on stdout"),
    ),
    notes="Counts are compared exactly; with several runs before, only one outside their\n"
    "range, widened by its own width, differs. Times differ where the middle halves\n"
    "of their histograms are apart by more than a bucket, a factor of 2 at least,\n"
    "over 16 exits or more.\n\nExit code: 0 no difference, 1 some.",
)


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    *before, after = (exits_of(read_document(path), path) for path in plain)
    found = diff(before, after, values["threshold"])
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    sys.stdout.write(to_text(found.as_json()) if values["json"] else found.render(width) + "\n")
    return int(bool(found))
