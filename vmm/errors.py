"""Every way a request to the VMM can fail, as one small family of exceptions.

A guest never raises: what it does ends a run with an Outcome (vmm.machine.outcome), not with an exception.
Control flow inside the VMM does not use this family either.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class VmmError(Exception):
    """Base of all errors below; its text is one line that a user can act on."""


class ConfigError(VmmError):
    """The request is wrong: nothing was started.

    `breaches` holds every fault found, each as (path of the field, what is wrong with it), so that a user
    mends them all in one go.
    """

    def __init__(self, breaches: Sequence[tuple[str, str]]) -> None:
        self.breaches = tuple(breaches)
        super().__init__("; ".join(f"{path}: {fault}" if path else fault for path, fault in self.breaches))

    @classmethod
    def of(cls, path: str, fault: str) -> ConfigError:
        """One breach only, the usual case."""
        return cls([(path, fault)])


class StateError(VmmError):
    """The right command at the wrong moment: `wanted` is not possible while the machine is `found`."""

    def __init__(self, wanted: str, found: str) -> None:
        self.wanted = wanted
        self.found = found
        super().__init__(f"cannot {wanted}: the machine is {found}")


class HostError(VmmError):
    """The host cannot: no /dev/kvm, no permission, a missing capability, no memory. `remedy` says what to do."""

    def __init__(self, trouble: str, remedy: str = "") -> None:
        self.trouble = trouble
        self.remedy = remedy
        super().__init__(f"{trouble}; {remedy}" if remedy else trouble)


class BudgetError(VmmError, AssertionError):
    """A run has broken its budget; `rows` says which rules, what came and what was wanted."""

    def __init__(self, rows: Sequence[object]) -> None:
        self.rows = tuple(rows)
        super().__init__("; ".join(map(str, self.rows)))


class BootError(VmmError):
    """An image was refused. `format` names what the loader took it for, `offset` the byte at fault if there is one."""

    def __init__(self, format: str, fault: str, offset: int | None = None) -> None:
        self.format = format
        self.fault = fault
        self.offset = offset
        where = "" if offset is None else f" at byte {offset:#x}"
        super().__init__(f"{format} image refused{where}: {fault}")


class GuestError(VmmError):
    """The guest broke a device's contract, or a device failed on what the guest did; the machine lives on."""

    def __init__(self, device: str, fault: str) -> None:
        self.device = device
        self.fault = fault
        super().__init__(f"{device}: {fault}")


class SnapshotError(VmmError):
    """A saved state does not fit: unknown schema, unknown version, a field missing or out of range, a bad checksum."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint ", did you mean X?" for a mistyped name, or nothing when no known name is close."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean {close[0]}?" if close else ""
