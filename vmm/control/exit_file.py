"""Files with the exits of a run: what --stats-out and --json write, read back."""

from __future__ import annotations

from ..errors import ConfigError
from ..observe.statistics import ExitStatistics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read_document(path: str) -> dict[str, Any]:
    """The object in the file. ConfigError when there is none."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        raise ConfigError.of(path, f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError.of(path, f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ConfigError.of(path, "is no object: expected what vmm run --stats-out or --json writes")
    return document


def exits_of(document: dict[str, Any], path: str) -> ExitStatistics:
    """The exits in it, alone or as a part of a run. ConfigError, under `path`, when there are none."""
    try:
        return ExitStatistics.from_json(document["exits"] if document.get("schema") == "vmm.run" else document)
    except (ConfigError, KeyError) as fault:
        raise ConfigError.of(path, str(fault)) from None
