"""Hostile drivers written by atheris: see scripts/fuzz-virtio."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["vmm.devices.virtio", "vmm.devices.pci"]):
    from hostile import BENCHES, try_out
    from hostile_devices import DEVICES


def main(words: list[str]) -> None:
    """Does not come back."""
    name, *rest = words
    transport = rest.pop(0) if rest and rest[0] in BENCHES else "mmio"
    make, hints = DEVICES[name]
    atheris.Setup([sys.argv[0], *rest], lambda data: try_out(make, hints, data, transport))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
