"""What /dev/kvm says about itself, as plain data: versions, limits, and every capability that is known here.

Not here: what works (KVM's answers are the same on very different engines, so that has to be tried).
"""

from __future__ import annotations

from kvm_bindings import lib
from kvm_bindings.errors import KvmError
from kvm_bindings.system import System

from ..errors import HostError
from ..records import Record
from . import kvm_trouble

FEWEST_VCPUS = 4
"""What the API promises where KVM_CAP_NR_VCPUS is missing."""


class KvmFacts(Record):
    """The answers of one host."""

    api_version: int
    capabilities: dict[str, int]
    """KVM_CHECK_EXTENSION's answer by kernel name, 0 for what is missing."""
    vcpus_advised: int
    vcpus_most: int
    memory_slots: int


def gather(host: kvm_trouble.Host = kvm_trouble.HERE) -> KvmFacts:
    """Opens /dev/kvm, asks, makes one VM to see that it can, and closes all. HostError with the remedy if it cannot."""
    try:
        system = System(host.device)
    except OSError as error:
        raise kvm_trouble.opening(error, host) from error
    try:
        version = system.get_api_version()
        if version != lib.KVM_API_VERSION:
            raise HostError(f"this kernel's KVM API is version {version}", f"use one with {lib.KVM_API_VERSION}")
        system.create_vm().close()
        capabilities = system.capabilities()
    except KvmError as error:
        raise kvm_trouble.creating(error) from error
    finally:
        system.close()
    advised = capabilities["KVM_CAP_NR_VCPUS"] or FEWEST_VCPUS
    return KvmFacts(
        api_version=version,
        capabilities=capabilities,
        vcpus_advised=advised,
        vcpus_most=capabilities["KVM_CAP_MAX_VCPUS"] or advised,
        memory_slots=capabilities["KVM_CAP_NR_MEMSLOTS"],
    )
