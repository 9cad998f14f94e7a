"""A machine at one moment, as its children come from it: its state, and its memory in a template that all share.

A child costs what the kernel asks for a VM and a vCPU; its memory is the master's, page by page, until it writes.
"""

from __future__ import annotations

from copy import copy

from .capture import plugged_in
from .overlays import expect_forkable, with_overlays

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ...memory.guest_memory import GuestMemory
    from ...memory.template import Template
    from ..board import Board
    from ..config import Console
    from ..machine import Machine
    from .machine_state import MachineState

    LayOver = Callable[[GuestMemory, Template], None]
    Kind = TypeVar("Kind", bound=Machine)
    Plug = tuple[str, int, int, int, str, Any]
    """(bus, first address, size, width, name, device)."""


class Master:
    """What fork() keeps of a machine until that runs again."""

    def __init__(self, state: MachineState, template: Template, fill: LayOver | None, plugs: list[Plug]) -> None:
        self.state = state
        self._fill = fill
        """How memory takes the template, where it is not laid over that from the start: because others map it too."""
        self.template = template
        self._plugs = plugs
        """Devices that the user plugged in."""

    @classmethod
    def of(cls, machine: Machine, board: Board, engine: Any) -> Master:
        """Of a machine that stands still; from now on that itself shares its memory too. ConfigError for a disk that no
        child can have."""
        expect_forkable(board.config)
        state = machine.capture()
        template = engine.share_memory(board.memory)
        fill = engine.lay_over if board.memory.is_shared else None
        return cls(state.replace(config=with_overlays(state.config)), template, fill, _plugs(board))

    def child(self, kind: type[Kind], console: Console | None = None) -> Kind:
        """A new machine that is what the master was."""
        state = self.state if console is None else self.state.replace(config=self.state.config.replace(console=console))
        set_up = self._plug if self._plugs else None
        if self._fill is None:
            return kind.made_from(state, None, set_up=set_up, below=self.template)
        fill = self._fill
        return kind.made_from(state, lambda memory: fill(memory, self.template), set_up=set_up)

    def _plug(self, child: Machine) -> None:
        copies: dict[int, Any] = {}
        for kind, start, size, width, name, device in self._plugs:
            bus = child.ports if kind == "io" else child.mmio
            bus.claim(start, size, copies.setdefault(id(device), _copied(device)), width=width, name=name)


def _plugs(board: Board) -> list[Plug]:
    return [
        (bus.kind, claim.span.start, claim.span.size, claim.width, claim.name, claim.device)
        for bus, claim in plugged_in(board)
    ]


def _copied(device: Any) -> Any:
    """A device for a child: what its fork() gives, or a shallow copy."""
    fork = getattr(device, "fork", None)
    return copy(device) if fork is None else fork()
