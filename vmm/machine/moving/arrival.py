"""A machine that arrives, made and taken over."""

from __future__ import annotations

from ...errors import VmmError
from .addresses import accept_one, parsed
from .destination import Destination
from .wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ..saved.snapshot import Snapshot
    from ..saving import Saving

    M = TypeVar("M", bound=Saving)
    SetUp = Callable[[M], None] | None


def _opened(address: str, changes: dict[str, Any]) -> tuple[socket.socket, Wire, Destination]:
    parsed(address)
    Destination.check(changes)
    connection = accept_one(address)
    line = Wire(connection)
    return connection, line, Destination(line, changes, is_known=address.startswith("unix:"))


def receive(kind: type[M], address: str, set_up: SetUp[M], changes: dict[str, Any]) -> M:
    """See Machine.receive()."""
    _, line, arriving = _opened(address, changes)
    try:
        arriving.greet()
        try:
            machine = made(kind, arriving, arriving.receive(), set_up)
        except VmmError as error:
            arriving.refuse(error)
            raise
        try:
            arriving.take()
        except BaseException:
            machine.close()
            raise
        return machine
    except BaseException:
        arriving.drop()
        raise
    finally:
        line.close()


def made(kind: type[M], arriving: Destination, snapshot: Snapshot, set_up: SetUp[M]) -> M:
    """The machine that has come, before it runs."""
    return kind.made_from(snapshot.state, arriving.lay_over, set_up=set_up)


def stand_by(kind: type[M], address: str, set_up: SetUp[M], changes: dict[str, Any]) -> M | None:
    """See Machine.stand_by()."""
    from .standby import follow

    connection, line, arriving = _opened(address, changes)
    try:
        snapshot = follow(connection, line, arriving)
        if snapshot is None:
            arriving.drop()
            return None
        return made(kind, arriving, snapshot, set_up)
    except BaseException:
        arriving.drop()
        raise
    finally:
        line.close()
