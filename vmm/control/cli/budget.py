"""--budget and --expect of `vmm run`: rules that are read before the run and judged after it."""

from __future__ import annotations

import sys

from ...errors import ConfigError
from ...observe.budget import Broken, broken, check_devices, parse_budget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.machine import Machine

BROKEN_BUDGET = 117
"""The exit code of a run that broke its budget, whatever its guest ended with."""
_WORDS = "--expect"


class Budget:
    """The rules of all sources, and once they are judged those that broke."""

    def __init__(self, files: list[str], rules: list[str]) -> None:
        """ConfigError for a file that cannot be read and for what is no rule."""
        self._sources = [(path, parse_budget(_text(path), path)) for path in files]
        self._sources += [(_WORDS, parse_budget(rule, _WORDS)) for rule in rules]
        self._broken: list[tuple[str, Broken]] = []

    def check_names(self, machine: Machine) -> None:
        """ConfigError for devices that the machine does not have; before it runs."""
        names: set[str] = set()
        for claim in (*machine.ports.claims(), *machine.mmio.claims()):
            names.add(claim.name)
            if claim.name_of is not None:
                names.update(map(claim.name_of, range(claim.span.size)))
        for name, rules in self._sources:
            check_devices(rules, names, name)

    def judge(self, machine: Machine) -> None:
        """After the run."""
        exits = machine.exits
        self._broken = [(name, row) for name, rules in self._sources for row in broken(rules, exits)]

    def exit_code(self, code: int) -> int:
        """The command's, where it would be `code` without a budget."""
        return BROKEN_BUDGET if self._broken else code

    def amend(self, document: dict[str, Any]) -> None:
        """Adds the verdict to what --json prints."""
        document["outcome"]["exit_code"] = self.exit_code(document["outcome"]["exit_code"])
        document["budget"] = [row.as_json() for _, row in self._broken]

    def say(self) -> None:
        """The rows that broke, on standard error."""
        if not self._broken:
            return
        total = sum(len(rules) for _, rules in self._sources)
        lines = [f"vmm: budget broken, {len(self._broken)} of {total} rule{'s' if total > 1 else ''}"]
        lines += [f"  {'' if name == _WORDS else f'{name}:{row.rule.line}: '}{row}" for name, row in self._broken]
        sys.stderr.write("\n".join(lines) + "\n")


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError.of("--budget", f"cannot read {path}: {words}") from None


def budget_of(values: dict[str, Any]) -> Budget:
    """For the options given."""
    return Budget(values["budget"], values["expect"])
