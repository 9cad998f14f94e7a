"""What is in a snapshot, for a reader."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from ...engine.kvm_state_bytes import registers_in
from ...errors import HostError, SnapshotError
from ...observe.table import clean, wrap
from ...state import State
from ...units import format_duration, format_size
from . import files, memory_file
from .restore import missing_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .snapshot import Snapshot

SCHEMA, VERSION = "vmm.snapshot.show", 1
WIDTH = 100


def document(path: str, verify: bool) -> dict[str, Any]:
    """All of it but the bulk. SnapshotError for what is none, for a broken chain, and for memory that is not as it was
    written, which with `verify` is read through."""
    chain = files.read_chain(path)
    place, top = chain[-1]
    for each, snapshot in chain:
        os.close(memory_file.open_image(os.path.dirname(each), snapshot.memory, True if verify else None))
    state, engine = top.state, top.state.engine
    if not isinstance(engine, State):
        raise SnapshotError(f"{path}: it has no state of an engine")
    try:
        missing: list[str] | None = missing_here(top)
    except HostError:
        missing = None
    config = {name: value for name, value in state.config.as_dict().items() if _is_said(name, value)}
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "id": top.id,
        "path": place,
        "wall_ns": state.wall_ns,
        "guest_ns": state.guest_ns,
        "host": top.host,
        "config": config,
        "memory": {"size": top.memory.size, "image": _image(place, top)},
        "adds_to": [
            {"path": each, "id": snapshot.id, "image": _image(each, snapshot)} for each, snapshot in chain[-2::-1]
        ],
        "vcpus": registers_in(engine),
        "chips": sorted(state.chips),
        "devices": sorted(state.devices),
        "disks": {name: len(disk.fields.get("blocks", ())) for name, disk in state.disks.items()},
        "needs": top.needs,
        "missing_here": missing,
    }


def _is_said(name: str, value: object) -> bool:
    """Whether it is worth a word: what differs from nothing, and no bytes."""
    return name not in ("console", "warn") and value not in (None, "", (), False, -1) and not isinstance(value, bytes)


def _image(place: str, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "path": os.path.join(os.path.dirname(place), snapshot.memory.file),
        "bytes": snapshot.memory.used,
        "runs": len(snapshot.memory.runs),
    }


def render(found: dict[str, Any]) -> str:
    """The same in words."""
    when = datetime.fromtimestamp(found["wall_ns"] / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    host = found["host"]
    config = " ".join(f"{name}={value}" for name, value in found["config"].items())
    image = found["memory"]["image"]
    rows = [
        ("snapshot", found["id"]),
        ("saved", f"{when}, after {format_duration(found['guest_ns'])} of guest time"),
        ("on", " ".join(filter(None, (host.get("kind", ""), host.get("kernel", ""), host.get("cpu", ""))))),
        ("machine", config),
        ("memory", f"{format_size(found['memory']['size'])}, {format_size(image['bytes'])} of it in {image['path']}"),
    ]
    for each in found["adds_to"]:
        rows.append(("adds to", f"{each['path']} ({each['id']}), {format_size(each['image']['bytes'])} of memory"))
    for index, vcpu in enumerate(found["vcpus"]):
        rows.append(
            (
                f"vCPU {index}",
                f"{vcpu['mode']}, {vcpu['is']}, rip {vcpu['rip']:#x}, rsp {vcpu['rsp']:#x}, cr3 {vcpu['cr3']:#x}",
            )
        )
    rows.append(("chips", ", ".join(found["chips"]) or "none that was touched"))
    if found["devices"]:
        rows.append(("devices", ", ".join(found["devices"])))
    for name, blocks in found["disks"].items():
        rows.append((name, f"{blocks} changed blocks kept here" if blocks else "its file alone"))
    needs = found["needs"]
    rows.append(("needs", f"CPU: {' '.join(needs['features'])}"))
    rows.append(("", f"KVM: {' '.join(needs['capabilities'])}"))
    missing = found["missing_here"]
    here = "cannot be asked" if missing is None else f"lacks {'; '.join(missing)}" if missing else "has all of it"
    rows.append(("this host", here))
    lines = []
    for title, words in rows:
        lines += wrap(clean(words), WIDTH, f"{title:<10} ", " " * 11)
    return "\n".join(lines)
