"""/dev/kvm, open once for all machines of the process that live at a time, and what is asked of it once."""

from __future__ import annotations

from _thread import allocate_lock

from kvm_bindings import lib
from kvm_bindings.errors import KvmError
from kvm_bindings.system import System

from ..errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings.vm import Vm

API_VERSION = 12


class Door:
    """What has come through it goes back by close()."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._users = 0
        self._system: System | None = None
        self._tsc_khz: int | None = None
        self._most_vcpus = 0

    def open(self) -> System:
        """The open device. HostError where there is none, or none that we know."""
        with self._lock:
            if self._system is None:
                self._system = _opened()
            self._users += 1
            return self._system

    def close(self) -> None:
        """Once for each open(); the last one closes the device."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._system is not None:
                self._system.close()
                self._system = None

    def tsc_khz(self, vm: Vm) -> int:
        """The kernel's own idea of the TSC, in kHz; 0, and the run step measures, where it does not tell."""
        if self._tsc_khz is None:
            try:
                self._tsc_khz = max(vm.get_tsc_khz(), 0)
            except KvmError:
                self._tsc_khz = 0
        return self._tsc_khz

    def most_vcpus(self, vm: Vm) -> int:
        """How many a machine may have on this host."""
        if not self._most_vcpus:
            self._most_vcpus = vm.check_extension(lib.KVM_CAP_MAX_VCPUS) or 4
        return self._most_vcpus


def _opened() -> System:
    try:
        system = System()
    except OSError as error:
        from .kvm_trouble import opening

        raise opening(error) from error
    try:
        if (version := system.get_api_version()) != API_VERSION:
            raise HostError(f"this kernel's KVM API is version {version}", f"use a kernel with {API_VERSION}")
    except BaseException:
        system.close()
        raise
    return system


HERE = Door()
"""This process's."""
