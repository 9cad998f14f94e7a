"""What the report of a failed test says of its machines, and the files of --vmm-artifacts."""

from __future__ import annotations

import json
import os
import re

from .. import VmmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from .machine import GuestMachine

TAIL = 4000
"""Characters of the console that a report has; the artifact has all."""


def attach(report: pytest.TestReport, machines: list[GuestMachine], artifacts: str | None, node: str) -> None:
    """Adds sections to the report, and writes the files."""
    for index, machine in enumerate(machines):
        if machine.state == "running":
            machine.stop()
            machine.wait(5.0)
        if machine.state == "closed":
            continue
        name = f"vm {index}" if len(machines) > 1 else "vm"
        found = dict(_findings(machine))
        for what, text in found.items():
            report.sections.append((f"{name}: {what}", text[-TAIL:] if what == "console" else text))
        if artifacts is not None:
            folder = os.path.join(artifacts, re.sub(r"[^\w.\[\]-]+", "_", node), f"vm{index}")
            _write(folder, found, machine)
            report.sections.append((f"{name}: artifacts", folder))


def _findings(machine: GuestMachine) -> Iterator[tuple[str, str]]:
    yield "console", machine.console.text or "(nothing)"
    yield "outcome", str(machine.outcome or "it has not run to an end")
    try:
        yield "registers", machine.crash_report().render()
    except (VmmError, OSError) as error:
        yield "registers", f"cannot be read: {error}"
    yield "exits", machine.exits.render()


def _write(folder: str, found: dict[str, str], machine: GuestMachine) -> None:
    os.makedirs(folder, exist_ok=True)
    for what, text in found.items():
        with open(os.path.join(folder, f"{what}.txt"), "w", encoding="utf-8") as file:
            file.write(text + "\n")
    documents = {"exits.json": json.dumps(machine.exits.as_json())}
    if machine.tracing is not None:
        documents["trace.json"] = machine.tracing.to_json()
    for name, document in documents.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(document)
