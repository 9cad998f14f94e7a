"""The KVM virtual machine monitor you can import from Python.

from vmm import Machine
with Machine(image="guest.elf", mode="long") as machine:
    outcome = machine.run(deadline=2.0)
    print(outcome, machine.exits["io.out[0x3f8]"].count)
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .bus.device import Device as Device
    from .control.guest_text import build_guest as build_guest
    from .control.host_needs import missing as missing
    from .control.linux.guest import linux_config as linux_config
    from .errors import BootError as BootError
    from .errors import BudgetError as BudgetError
    from .errors import ConfigError as ConfigError
    from .errors import GuestError as GuestError
    from .errors import HostError as HostError
    from .errors import SnapshotError as SnapshotError
    from .errors import StateError as StateError
    from .errors import VmmError as VmmError
    from .machine.config import MachineConfig as MachineConfig
    from .machine.machine import Machine as Machine
    from .machine.outcome import Outcome as Outcome
    from .observe.statistics import ExitStatistics as ExitStatistics
    from .pool import Pool as Pool

__version__ = "0.1.0"

_HOMES = {
    "ExitStatistics": "observe.statistics",
    "Device": "bus.device",
    "Machine": "machine.machine",
    "MachineConfig": "machine.config",
    "Outcome": "machine.outcome",
    "Pool": "pool",
    "build_guest": "control.guest_text",
    "linux_config": "control.linux.guest",
    "missing": "control.host_needs",
    **dict.fromkeys(
        (
            "BootError",
            "BudgetError",
            "ConfigError",
            "GuestError",
            "HostError",
            "SnapshotError",
            "StateError",
            "VmmError",
        ),
        "errors",
    ),
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - names by __getattr__


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used: `import vmm` alone costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vmm' has no attribute {name!r}")
    return getattr(__import__(f"vmm.{_HOMES[name]}", fromlist=[name]), name)
