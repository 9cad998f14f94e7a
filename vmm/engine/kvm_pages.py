"""Host pages below a guest's memory: how they get into a template, how machines lie over one, and back to it."""

from __future__ import annotations

import os

from kvm_bindings import ffi, lib

from ..errors import HostError
from ..memory.template import Template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..memory.guest_memory import GuestMemory, Image


def _checked(answer: int, what: str) -> int:
    if answer < 0:
        raise HostError(f"{what}: {os.strerror(-answer)}", "is /proc mounted, and enough host memory free?")
    return answer


def template_of(memory: GuestMemory) -> Template:
    """What `memory` holds now, sealed, and `memory` lies over it from then on: its pages are shared until written to.

    No vCPU runs meanwhile.
    """
    template = Template([len(mapping) for mapping in memory.mappings])
    if memory.is_shared:  # which others have mapped: it stays where it is
        from ..memory.pages import data_runs

        for mapping, offset in zip(memory.mappings, template.offsets, strict=True):
            template.copy_runs(data_runs(memory.fd_of(mapping), 0, len(mapping)), mapping, offset)
        template.seal()
        return template
    if memory.below is not None:
        template.copy_from(memory.below)
    for mapping, offset in zip(memory.mappings, template.offsets, strict=True):
        with ffi.from_buffer(mapping) as at:
            _checked(lib.host_write_own_pages(at, len(mapping), template.fd, offset), "cannot copy guest memory")
    template.seal()
    lay_over(memory, template)
    return template


def lay_over(memory: GuestMemory, template: Image) -> None:
    """From now on `memory` holds what the template does; its own pages are given back. Slots and views stay good.
    Memory that others map, which is untouched so far, takes a copy."""
    if memory.is_shared:
        from ..memory.image import copy_in

        copy_in(memory, template)
        return
    memory.below = template
    for mapping, offset in zip(memory.mappings, template.offsets, strict=True):
        with ffi.from_buffer(mapping) as at:
            _checked(lib.host_map_over(at, len(mapping), template.fd, offset), "cannot map guest memory")
