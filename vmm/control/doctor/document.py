"""An examination as JSON; docs/doctor-json.md describes it."""

from __future__ import annotations

from . import linux, verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .examination import Examination

SCHEMA, VERSION = "vmm.doctor", 1


def as_json(seen: Examination) -> dict[str, Any]:
    """Dicts, lists, strings, numbers, booleans and None."""
    facts, speed = seen.facts, seen.speed
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "usable": seen.is_usable,
        "verdict": verdict.verdict(seen),
        "trouble": seen.trouble,
        "remedy": seen.remedy,
        "tiny_guests": verdict.tiny_guests(seen) if seen.findings else "no",
        "linux": linux.place(bool(seen.findings) and verdict.stock_linux(seen)),
        "stock_linux": bool(seen.findings) and verdict.stock_linux(seen),
        "host": {"kind": seen.kind, "kernel": seen.kernel, "cpu": seen.cpu, "virtual": seen.is_virtual},
        "kvm": None if facts is None else facts.as_dict(),
        "missing": [{"capability": name, "loss": loss} for name, loss in seen.missing.items()],
        "probes": [finding.as_dict() | {"sentence": finding.sentence} for finding in seen.findings],
        "speed": None if speed is None else _speed(speed.as_dict()),
        "hidden": None if speed is None else {"works": not seen.hidden, "trouble": seen.hidden},
        "slow": verdict.slow(seen),
        "advice": verdict.advice(seen),
    }


def _speed(values: dict[str, int]) -> dict[str, int | None]:
    """With units in the names, and null for what could not be measured."""
    return {
        name + ("_per_second" if name.startswith("instructions") else "_ns"): value or None
        for name, value in values.items()
    }
