"""A guest of the set, run as its expect.toml says, and held against what it expects."""

from __future__ import annotations

from ..engine.kvm_host import kind
from ..errors import HostError
from ..machine.machine import Machine
from ..units import SECOND
from . import guest_set
from .guest_check import check
from .guest_spec import REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..machine.config import MachineConfig
    from ..machine.outcome import Outcome
    from ..observe.screen import Screen


def config_of(name: str) -> MachineConfig:
    """The guest's machine, with its image built and its symbols found. Errors as of guest_set.build."""
    image = guest_set.build(name)
    spec = guest_set.describe(name)
    given = spec.drives.fields(image) if spec.drives else {"image": image}
    return spec.machine.replace(symbols=guest_set.image_symbols(image), **given)


def run_and_check(name: str) -> list[str]:
    """Every way in which the guest's run was not as expected on this host, in sentences; empty when all is well."""
    spec = guest_set.describe(name)
    try:
        machine = Machine(config_of(name), console="capture")
    except HostError as error:
        return check(spec, _Refusal(error))
    with machine:
        if spec.input:
            machine.feed(spec.input.encode())
        if spec.keys:
            machine.type_keys(spec.keys)
        return check(spec, _Result(machine, machine.run(deadline=spec.deadline / SECOND)))


class _Refusal:
    """A guest whose machine this host could not make."""

    def __init__(self, error: HostError) -> None:
        self.host_kind, self.outcome_kind, self.outcome_value = kind(), REFUSED, 0
        self.outcome_words = str(error)
        self.serial: dict[str, bytes] = {}
        self.debug_console = b""
        self.registers: dict[str, int] = {}

    def read_memory(self, gpa: int, size: int) -> bytes:
        return bytes(size)

    def count(self, location: str) -> int:
        return 0

    def screen(self) -> Screen:
        from ..observe.screen import Screen

        return Screen()


class _Result:
    """What guest_check asks of a finished run."""

    def __init__(self, machine: Machine, outcome: Outcome) -> None:
        self._machine = machine
        self._exits = machine.exits
        self.host_kind = kind()
        self.outcome_kind, self.outcome_value, self.outcome_words = outcome.kind, outcome.value, outcome.words
        self.serial = {f"com{at}": machine.output(f"com{at}") for at in (1, 2, 3, 4)}
        self.debug_console = machine.output("debug-console")
        self.registers = machine.registers()
        self.read_memory = machine.memory.read

    def count(self, location: str) -> int:
        return self._exits[location].count

    def screen(self) -> Screen:
        return self._machine.screen
