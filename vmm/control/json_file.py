"""Results as JSON: the document of a run, and files that are either whole or not there."""

from __future__ import annotations

import json
import os
from stat import S_ISREG

from ..errors import ConfigError, HostError

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


def check_path(field: str, path: str) -> None:
    """ConfigError, under `field`, when it is plain before the run that write_json could not write `path` after it."""
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise ConfigError.of(field, f"{path} is a folder")
    if not os.path.isdir(folder):
        raise ConfigError.of(field, f"there is no folder {folder}")
    if not os.access(path if _is_special(path) else folder, os.W_OK):
        raise ConfigError.of(field, f"no permission to write {path}")


def write_json(path: str, document: dict[str, Any]) -> None:
    """The document as text, as write_text() writes it."""
    write_text(path, to_text(document))


def write_text(path: str, text: str) -> None:
    """Writes `path` by way of a temporary name: synced, then renamed, so that an older file stays until then.

    A link is followed, and a device or a pipe is written as it is. HostError when it cannot.
    """
    try:
        if _is_special(path):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        else:
            _replace(os.path.realpath(path), text)
    except OSError as error:
        raise HostError(f"cannot write {path}: {error.strerror}") from error


def _is_special(path: str) -> bool:
    return os.path.exists(path) and not S_ISREG(os.stat(path).st_mode)


def _replace(path: str, text: str) -> None:
    arriving = f"{path}.{os.getpid()}.tmp"
    try:
        with open(arriving, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(arriving, path)
    except BaseException:
        if os.path.exists(arriving):
            os.unlink(arriving)
        raise


def run_document(machine: Machine, outcome: Outcome, exit_code_style: str) -> dict[str, Any]:
    """What `vmm run --json` prints. docs/exits-json.md describes it."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "outcome": {
            "kind": outcome.kind,
            "words": outcome.words,
            "value": outcome.value,
            "vcpu": outcome.vcpu,
            "detail": {
                name: hex(value) if name in _HEX and isinstance(value, int) else value
                for name, value in outcome.detail.items()
            },
            "exit_code": outcome.exit_code(exit_code_style),
        },
        "console": machine.console_output.decode("utf-8", "replace"),
        "debug_console": machine.output("debug-console").decode("utf-8", "replace"),
        "registers": {
            str(vcpu.index): {name: hex(value) for name, value in machine.registers(vcpu.index).items()}
            for vcpu in machine.vcpus
        },
        "crash": machine.crash_report().as_json() if outcome.is_abnormal else None,
        "exits": machine.exits.as_json(),
    }
