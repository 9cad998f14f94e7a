"""Results as JSON: the document of a run, and files of such documents."""

from __future__ import annotations

import json

from .whole_file import write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..machine.machine import Machine
    from ..machine.outcome import Outcome

SCHEMA, VERSION = "vmm.run", 1
_HEX = ("address", "value")
"""What an outcome's detail holds that may not fit 53 bits."""


def to_text(document: dict[str, Any]) -> str:
    """Indented JSON with a final line end; bytes are written as hex."""

    def other(value: object) -> str:
        return value.hex() if isinstance(value, bytes) else str(value)

    return json.dumps(document, indent=1, default=other) + "\n"


def write_json(path: str, document: dict[str, Any]) -> None:
    """The document as text, as write_text() writes it."""
    write_text(path, to_text(document))


def write_text(path: str, text: str) -> None:
    """Writes `path` as write_file does. HostError when it cannot."""
    write_file(path, text.encode())


def outcome_document(outcome: Outcome, exit_code_style: str) -> dict[str, Any]:
    """The field `outcome` of what --json and --stats-out write."""
    return {
        "kind": outcome.kind,
        "words": outcome.words,
        "value": outcome.value,
        "vcpu": outcome.vcpu,
        "detail": {
            name: hex(value) if name in _HEX and isinstance(value, int) else value
            for name, value in outcome.detail.items()
        },
        "exit_code": outcome.exit_code(exit_code_style),
    }


def exits_document(machine: Machine, outcome: Outcome, exit_code_style: str) -> dict[str, Any]:
    """What --stats-out writes: the exits, and beside them how the run ended."""
    return {**machine.exits.as_json(), "outcome": outcome_document(outcome, exit_code_style)}


def run_document(machine: Machine, outcome: Outcome, exit_code_style: str) -> dict[str, Any]:
    """What `vmm run --json` prints. docs/exits-json.md describes it."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "outcome": outcome_document(outcome, exit_code_style),
        "console": machine.console_output.decode("utf-8", "replace"),
        "debug_console": machine.output("debug-console").decode("utf-8", "replace"),
        **_screen(machine),
        "registers": {
            str(vcpu.index): {name: hex(value) for name, value in machine.registers(vcpu.index).items()}
            for vcpu in machine.vcpus
        },
        "crash": machine.crash_report().as_json() if outcome.is_abnormal else None,
        "exits": machine.exits.as_json(),
    }


def _screen(machine: Machine) -> dict[str, Any]:
    """The text screen, if there is something on it."""
    screen = machine.screen if machine.has_screen else None
    return {} if screen is None or screen.is_blank else {"screen": screen.as_json()}
