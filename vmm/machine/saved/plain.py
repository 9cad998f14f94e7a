"""States, bytes and records as JSON, and back. What comes out of a file is believed nothing: each step says what it
expected and what it found.

Bytes become {"base64": text}, a State {"schema": name, "version": n, "fields": {...}}; no field of ours is called so.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64  # not base64, which loads re

from ...boot.loader import BootState
from ...errors import SnapshotError, VmmError
from ...state import State
from ..config import MachineConfig
from ..validate import validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BYTES, _STATE = {"base64"}, {"schema", "version", "fields"}
_NEWER = ("virtio", "disks", "networks", "ports", "rng", "balloon", "vsock", "shares", "memory_max")
"""Fields that the first files of this version have not."""
_HOST_SIDE = ("console", "warn")
"""Fields of a config that are the process's own affair."""
IMAGE = b"saved"
"""In place of an image that came as bytes: what it loaded is in memory."""


def to_plain(value: Any) -> Any:
    """The same in what json.dumps takes."""
    if isinstance(value, bytes):
        return {"base64": b2a_base64(value, newline=False).decode()}
    if isinstance(value, State):
        fields = {name: to_plain(each) for name, each in value.fields.items()}
        return {"schema": value.schema, "version": value.version, "fields": fields}
    if isinstance(value, (list, tuple)):
        return [to_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: to_plain(each) for name, each in value.items()}
    return value


def from_plain(value: Any) -> Any:
    """Back; tuples come as lists. SnapshotError for what to_plain does not make."""
    if isinstance(value, list):
        return [from_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == _BYTES:
        return _bytes(value["base64"])
    if value.keys() == _STATE:
        schema, version, fields = value["schema"], value["version"], value["fields"]
        if not isinstance(schema, str) or type(version) is not int or not isinstance(fields, dict):
            raise SnapshotError(f"a state is not {schema!r}, version {version!r}")
        return State(schema, version, {name: from_plain(each) for name, each in fields.items()})
    return {name: from_plain(each) for name, each in value.items()}


def _bytes(text: object) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise SnapshotError("bytes are not in base64") from None


def expect(document: object, what: str, **kinds: type | tuple[type, ...]) -> dict[str, Any]:
    """The members of a JSON object that has these and no others, each of its kind; bool is no int."""
    if not isinstance(document, dict):
        raise SnapshotError(f"{what}: expected an object, found {_shown(document)}")
    missing, unknown = kinds.keys() - document.keys(), document.keys() - kinds.keys()
    if missing or unknown:
        raise SnapshotError(f"{what}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    for name, kind in kinds.items():
        value = document[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            raise SnapshotError(f"{what}: {name} cannot be {_shown(value)}")
    return document


def states(document: object, what: str) -> dict[str, State]:
    """An object of States by name."""
    read = from_plain(document)
    if not isinstance(read, dict) or not all(isinstance(each, State) for each in read.values()):
        raise SnapshotError(f"{what}: states by name are expected")
    return read


def config_to_plain(config: MachineConfig) -> dict[str, Any]:
    """What makes the same board again."""
    fields = config.as_dict()
    if isinstance(fields["image"], bytes):
        fields["image"] = IMAGE
    return {name: to_plain(value) for name, value in fields.items() if name not in _HOST_SIDE}


def config_from_plain(document: object) -> MachineConfig:
    """Back, for a console that is captured. SnapshotError for one that no machine has."""
    read = from_plain(document)
    if isinstance(read, dict):  # one that was written before there were these
        read = {name: MachineConfig._defaults[name] for name in _NEWER} | read
    wanted = [name for name in MachineConfig._fields if name not in _HOST_SIDE]
    expect(read, "config", **dict.fromkeys(wanted, object))
    read["modules"], read["fw_cfg"] = _tuples(read["modules"], 0), _tuples(read["fw_cfg"], 2)
    for name in ("disks", "networks", "ports", "shares"):
        read[name] = _tuples(read[name], 0)
    config = MachineConfig(**read)
    try:
        validate(config)
    except (VmmError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotError(f"config: {error}") from None
    flags = ("pc_testdev", "display", "unreal", "user", "cpu_pm", "strict", "test_devices",
             "rng", "balloon")  # fmt: skip
    texts = ("command_line", "cpu", "symbols", "firmware", "boot", "vsock")
    if config.irqchip == "auto" or config.memory < 0:
        raise SnapshotError("config: it leaves something open")
    kinds = dict.fromkeys(flags, bool) | dict.fromkeys(texts, str)
    if not all(isinstance(read[name], kind) for name, kind in kinds.items()):
        raise SnapshotError("config: a field is of another kind")
    return config


def _tuples(value: object, width: int) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise SnapshotError("config: a list is expected")
    if not width:
        return tuple(value)
    if not all(isinstance(each, list) and len(each) == width for each in value):
        raise SnapshotError(f"config: lists of {width} are expected")
    return tuple(tuple(each) for each in value)


def boot_to_plain(boot: BootState) -> dict[str, Any]:
    """What there is to know of the image later; the first registers are the past."""
    return to_plain(boot.replace(registers=()).as_dict())  # type: ignore[no-any-return]


def boot_from_plain(document: object) -> BootState:
    """Back."""
    read = expect(
        document, "boot", format=str, mode=str, entry=int, end=int, loaded=list, symbols=str, symbol_offset=int,
        registers=list,
    )  # fmt: skip
    pieces = []
    for piece in read["loaded"]:
        if not isinstance(piece, list) or [type(each) for each in piece] != [int, int, str]:
            raise SnapshotError("boot: what is loaded has an address, a size and a name")
        pieces.append(tuple(piece))
    return BootState(**{**read, "loaded": tuple(pieces), "registers": ()})


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
