"""The places of vCPUs in a package: one socket, one core for each vCPU, one thread for each core.

An APIC id is the index of its vCPU; other shapes are not modelled.
Source: Intel SDM volume 3A section 9.9 (hierarchical mapping of shared resources), volume 2A CPUID leaf 0x0B.
"""

from __future__ import annotations

INVALID = 0
THREAD = 1
CORE = 2
"""Domain types of CPUID leaf 0x0B."""


def apic_ids(count: int) -> tuple[int, ...]:
    """The APIC ids of `count` vCPUs, in the order of the vCPUs."""
    return tuple(range(count))


def core_bits(count: int) -> int:
    """How many low bits of an APIC id tell the cores of one package apart."""
    return (count - 1).bit_length()


def levels(count: int) -> tuple[tuple[int, int, int], ...]:
    """The domains from the inside out, as (type, shift, vCPUs): an id shifted right by `shift` names the next domain.

    The last entry, of type INVALID, ends the list as CPUID wants it.
    """
    return ((THREAD, 0, 1), (CORE, core_bits(count), count), (INVALID, 0, 0))
