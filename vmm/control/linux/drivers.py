"""The modules of Debian's kernels that a machine's virtio devices need."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TRANSPORTS = {"mmio": "virtio_mmio", "pci": "virtio_pci"}
OF_FIELDS = {
    "disks": ("virtio_blk",),
    "networks": ("virtio_net",),
    "ports": ("virtio_console",),
    "rng": ("virtio_rng",),
    "balloon": ("virtio_balloon",),
    "vsock": ("vmw_vsock_virtio_transport",),
    "memory_max": ("virtio_mem",),
}
"""By the fields of MachineConfig that ask for devices; those of `shares` depend on how they are served."""
OF_9P, OF_VIRTIOFS = ("9pnet_virtio", "9p"), ("virtiofs",)


def of(fields: dict[str, Any]) -> tuple[str, ...]:
    """Those that go with some fields of a configuration, in the order of their loading; none without devices."""
    found = [module for field, modules in OF_FIELDS.items() if fields.get(field) for module in modules]
    if fields.get("shares"):
        from ...machine.share_options import is_virtiofs

        outside = {is_virtiofs(share) for share in fields["shares"]}
        found += (*(OF_9P if False in outside else ()), *(OF_VIRTIOFS if True in outside else ()))
    return (TRANSPORTS[fields.get("virtio") or "mmio"], *found) if found else ()
