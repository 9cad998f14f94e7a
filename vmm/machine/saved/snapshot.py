"""What stands in the file of a saved machine: the machine's state, where its memory is, and what it needs of a host."""

from __future__ import annotations

from ...errors import SnapshotError
from ...records import Record
from . import plain
from .machine_state import MachineState
from .sealed import seal, unseal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KIND = "vmm-snapshot"
PAGE = 4096
MOST_MAPPINGS = 64
_ID = frozenset("0123456789abcdef")


class Parent(Record):
    """The snapshot that a differential one adds to."""

    path: str
    """From the folder of the child on."""
    id: str


class SavedMemory(Record):
    """The memory image of a snapshot."""

    id: str
    """16 hexadecimal digits, another for each image that is written."""
    file: str
    """Its name, in the folder of the snapshot."""
    sizes: tuple[int, ...]
    """Bytes of each mapping of the machine's memory; they stand in the image one behind the other."""
    runs: tuple[tuple[int, int, int], ...]
    """(offset, size, CRC-32) of what is in the image, by offset. All else is zeroes, or the parent's."""
    stamp: tuple[int, int]
    """(inode, time of the last change in nanoseconds): while they are the same nobody need look at the content."""

    @property
    def size(self) -> int:
        """Bytes of the whole memory."""
        return sum(self.sizes)

    @property
    def used(self) -> int:
        """Bytes that the image has."""
        return sum(size for _, size, _ in self.runs)


class Snapshot(Record):
    """One file. `state` has the engine's part as a State, until there is an engine to read it."""

    id: str
    """16 hexadecimal digits, another for each that is saved; one that was squashed is still the same."""
    host: dict[str, str]
    """Where: "kind" of KVM, "kernel", "cpu"."""
    needs: dict[str, Any]
    """What it needs of a host: engine/kvm_needs.py."""
    parent: Parent | None
    state: MachineState
    memory: SavedMemory

    def to_bytes(self) -> bytes:
        """The file."""
        state, memory, parent = self.state, self.memory, self.parent
        return seal(
            KIND,
            {
                "id": self.id,
                "wall_ns": state.wall_ns,
                "host": self.host,
                "needs": self.needs,
                "parent": None if parent is None else parent.as_dict(),
                "config": plain.config_to_plain(state.config),
                "is_linux": state.is_linux,
                "boot": plain.boot_to_plain(state.boot),
                "guest_ns": state.guest_ns,
                "halted": [[index, interrupts] for index, interrupts in state.halted.items()],
                "panic": state.panic,
                "is_suspended": state.is_suspended,
                "chips": plain.to_plain(state.chips),
                "devices": plain.to_plain(state.devices),
                "disks": plain.to_plain(state.disks),
                "engine": plain.to_plain(state.engine),
                "memory": memory.as_dict(),
            },
        )

    @classmethod
    def from_bytes(cls, content: bytes, what: str) -> Snapshot:
        """SnapshotError, with `what` for the file's name, for what to_bytes() does not make."""
        document = unseal(KIND, content, what)
        try:
            return _read(document)
        except SnapshotError as error:
            raise SnapshotError(f"{what}: {error}") from None
        except RecursionError:
            raise SnapshotError(f"{what}: it is nested too deep") from None


def _read(document: dict[str, Any]) -> Snapshot:
    read = plain.expect(
        document, "a snapshot", id=str, wall_ns=int, host=dict, needs=dict, parent=(dict, type(None)),
        config=dict, is_linux=bool, boot=dict, guest_ns=int, halted=list, panic=str, is_suspended=bool, chips=dict,
        devices=dict, disks=dict, engine=dict, memory=dict,
    )  # fmt: skip
    if not _is_id(read["id"]):
        raise SnapshotError("its id is none")
    if not all(isinstance(value, str) for value in read["host"].values()):
        raise SnapshotError("host: words are expected")
    if read["guest_ns"] < 0 or read["wall_ns"] < 0:
        raise SnapshotError("its time is before all time")
    return Snapshot(
        id=read["id"],
        host=read["host"],
        needs=_needs(read["needs"]),
        parent=None if read["parent"] is None else _parent(read["parent"]),
        state=MachineState(
            config=plain.config_from_plain(read["config"]),
            is_linux=read["is_linux"],
            boot=plain.boot_from_plain(read["boot"]),
            engine=plain.states({"engine": read["engine"]}, "engine")["engine"],
            chips=plain.states(read["chips"], "chips"),
            devices=plain.states(read["devices"], "devices"),
            disks=plain.states(read["disks"], "disks"),
            guest_ns=read["guest_ns"],
            wall_ns=read["wall_ns"],
            halted=_halted(read["halted"]),
            panic=read["panic"],
            is_suspended=read["is_suspended"],
        ),
        memory=_memory(read["memory"]),
    )


def _is_id(text: object) -> bool:
    return isinstance(text, str) and len(text) == 16 and set(text) <= _ID


def _needs(document: dict[str, Any]) -> dict[str, Any]:
    read = plain.expect(document, "needs", features=list, capabilities=dict, tsc_khz=int)
    if not all(isinstance(name, str) for name in read["features"]):
        raise SnapshotError("needs: features have names")
    if not all(type(least) is int for least in read["capabilities"].values()):
        raise SnapshotError("needs: capabilities have numbers")
    return read


def _parent(document: dict[str, Any]) -> Parent:
    read = plain.expect(document, "parent", path=str, id=str)
    if not _is_id(read["id"]) or not read["path"] or "\0" in read["path"]:
        raise SnapshotError("parent: it is none")
    return Parent(**read)


def _halted(pairs: list[Any]) -> dict[int, bool]:
    if not all(isinstance(pair, list) and [type(each) for each in pair] == [int, bool] for pair in pairs):
        raise SnapshotError("halted: pairs of a vCPU and whether its interrupts are on are expected")
    return {index: interrupts for index, interrupts in pairs}  # noqa: C416 - mypy does not see pairs in lists


def _memory(document: dict[str, Any]) -> SavedMemory:
    read = plain.expect(document, "memory", id=str, file=str, sizes=list, runs=list, stamp=list)
    name, sizes, runs, stamp = read["file"], read["sizes"], read["runs"], read["stamp"]
    if not _is_id(read["id"]):
        raise SnapshotError("memory: its id is none")
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise SnapshotError(f"memory: {name!r} is no name of a file beside")
    if not all(type(size) is int and size > 0 and not size % PAGE for size in sizes) or len(sizes) > MOST_MAPPINGS:
        raise SnapshotError("memory: sizes are whole pages")
    end, total = 0, sum(sizes)
    for run in runs:
        if not isinstance(run, list) or [type(each) for each in run] != [int, int, int]:
            raise SnapshotError("memory: a run is three numbers")
        offset, size, _ = run
        if offset < end or size <= 0 or (offset | size) % PAGE or offset + size > total:
            raise SnapshotError(f"memory: no run is {size} bytes from {offset:#x}")
        end = offset + size
    if [type(each) for each in stamp] != [int, int]:
        raise SnapshotError("memory: a stamp is two numbers")
    runs = tuple(tuple(run) for run in runs)
    stamp = stamp[0], stamp[1]
    return SavedMemory(id=read["id"], file=name, sizes=tuple(sizes), runs=runs, stamp=stamp)
