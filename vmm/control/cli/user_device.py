"""`vmm run --device FILE.py:CLASS,port=0x500`: devices that the user wrote, from a file onto a bus.

The class is called without arguments; it is an object with read(offset, size) and write(offset, size, value), most
simply a vmm.Device. The file is run as a module of its own: it is trusted as any Python that its user starts.
"""

from __future__ import annotations

import os

from ...errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.machine import Machine
    from ...machine.replayer import Replayer

FIELD = "--device"
KEYS = ("port", "mmio", "size", "width", "name")
SIZE = {"port": 1, "mmio": 4096}
"""How much is claimed where nobody says."""
WIDTH = {"port": 4, "mmio": 8}
"""The widest access in one piece, where nobody says: all that the bus has."""


def plug(machine: Machine | Replayer, words: str) -> None:
    """Makes the device and claims its range, before the run. ConfigError for whatever is wrong with it."""
    place, *pairs = words.split(",")
    path, colon, name = place.rpartition(":")
    if not colon or not path or not name:
        raise ConfigError.of(FIELD, f"{place!r} is not FILE.py:CLASS")
    given: dict[str, str] = {}
    for pair in pairs:
        key, is_pair, value = pair.partition("=")
        if not is_pair or not value or key not in KEYS:
            raise ConfigError.of(FIELD, f"{pair!r} is not KEY=VALUE with a key of {', '.join(KEYS)}")
        given[key] = value
    spaces = [key for key in ("port", "mmio") if key in given]
    if len(spaces) != 1:
        raise ConfigError.of(FIELD, f"{place} needs either port=START or mmio=START")
    space = spaces[0]
    start, size = _number(given, space, 0), _number(given, "size", SIZE[space])
    width = _number(given, "width", WIDTH[space])
    if width not in (1, 2, 4, 8):
        raise ConfigError.of(FIELD, f"width={width} is none of 1, 2, 4 and 8")
    device = _made(path, name)
    bus = machine.ports if space == "port" else machine.mmio
    bus.claim(start, size, device, width=width, name=given.get("name", ""))


def _number(given: dict[str, str], key: str, default: int) -> int:
    try:
        return int(given[key], 0) if key in given else default
    except ValueError:
        raise ConfigError.of(FIELD, f"{key}={given[key]} is no number") from None


def _made(path: str, name: str) -> Any:
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise ConfigError.of(FIELD, f"cannot read {path}")
    loader = SourceFileLoader(f"vmm_user_{os.path.basename(path).partition('.')[0]}", path)
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    try:
        exec(compile(loader.get_data(path), path, "exec"), module.__dict__)  # no bytecode is left beside it
        made = getattr(module, name, None)
        if not callable(made):
            raise ConfigError.of(FIELD, f"{path} has no class {name}")
        device = made()
    except ConfigError:
        raise
    except Exception as fault:  # whatever the user's code does
        said = " ".join(str(fault).split())
        raise ConfigError.of(FIELD, f"{path}:{name} failed: {type(fault).__name__}: {said}") from None
    lacking = [method for method in ("read", "write") if not callable(getattr(device, method, None))]
    if lacking:
        raise ConfigError.of(FIELD, f"{path}:{name} has no {' and no '.join(lacking)}")
    return device
