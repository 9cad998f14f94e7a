"""One probe, run: the machine it needs, its memory laid out, and its outcome judged.

Never raises for what a host cannot: that is a finding. Always under the probe's deadline.
"""

from __future__ import annotations

from ...errors import VmmError
from ...machine.machine import Machine
from ...machine.outcome import DEADLINE, DEBUG_EXIT, INTERNAL_ERROR, SHUTDOWN
from .finding import DIFFERS, FAILS, NOT_EMULATED, NOT_OFFERED, WORKS, Finding
from .probe import CODE, HANDLER, IDT, IDT_POINTER, MEMORY, Probe
from .probe import NOT_OFFERED as SAYS_NOT_OFFERED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...machine.outcome import Outcome

GATES = 256
RING0_CODE = 0x08
_EMULATION = 1
"""KVM_INTERNAL_ERROR_EMULATION, the suberror of an instruction that KVM cannot emulate."""


def machine_of(probe: Probe) -> Machine:
    """The machine, ready to run. VmmError when the host cannot have it."""
    machine = Machine(
        image=probe.image(),
        format="flat",
        mode=probe.mode,
        load=CODE,
        memory=MEMORY,
        user=probe.user,
        unreal=probe.unreal,
        irqchip=probe.irqchip,
        vcpus=probe.vcpus,
        test_devices=probe.test_devices,
    )
    if probe.mode == "real":
        machine.memory.write(0, HANDLER.to_bytes(4, "little") * GATES)
    elif probe.mode == "long":
        gate = HANDLER | RING0_CODE << 16 | 0xEE << 40  # present, interrupt gate, open to ring 3
        machine.memory.write(IDT, gate.to_bytes(16, "little") * GATES)
        machine.memory.write(IDT_POINTER, (16 * GATES - 1).to_bytes(2, "little") + IDT.to_bytes(8, "little"))
    return machine


def examine(probe: Probe) -> Finding:
    """Runs it, for at most its deadline."""
    try:
        with machine_of(probe) as machine:
            outcome = machine.run(probe.deadline)
    except VmmError as error:
        return _finding(probe, FAILS, getattr(error, "trouble", str(error)), f"host: {error}")
    except OSError as error:
        return _finding(probe, FAILS, str(error), f"host: {error}")
    status, reason = judge(probe, outcome)
    return _finding(probe, status, reason, str(outcome))


def judge(probe: Probe, outcome: Outcome) -> tuple[str, str]:
    """(status, reason) of a run that ended with `outcome`."""
    if outcome.kind == DEBUG_EXIT:
        if outcome.value == probe.answer:
            return WORKS, ""
        return (FAILS, NOT_OFFERED) if outcome.value == SAYS_NOT_OFFERED else (DIFFERS, probe.otherwise)
    if outcome.kind == INTERNAL_ERROR and outcome.detail.get("suberror") == _EMULATION:
        return FAILS, NOT_EMULATED
    if outcome.kind == DEADLINE:
        return FAILS, f"it did not end within {probe.deadline:g} s"
    if outcome.kind == SHUTDOWN:
        return FAILS, "it ended in a triple fault"
    return FAILS, outcome.words


def _finding(probe: Probe, status: str, reason: str, outcome: str) -> Finding:
    return Finding(
        name=probe.name,
        area=probe.area,
        status=status,
        reason=reason,
        loss="" if status == WORKS else probe.loss,
        for_linux=probe.for_linux,
        outcome=outcome,
    )
