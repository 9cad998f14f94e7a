"""The JSON form of single exit counts and flight recorder entries, as docs/exits-json.md describes it.

Addresses are hexadecimal strings: they reach 64 bits, and many JSON readers lose all above 53.
"""

from __future__ import annotations

from .exits import BUCKETS, ExitCount, FlightEntry, percentile
from .location import location_text
from .over_time import trimmed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..records import Record


def exit_as_json(exit: ExitCount, symbols: Callable[[int], str]) -> dict[str, Any]:
    """One entry of "exits"."""
    return {
        **exit.as_dict(),
        "location": location_text(exit.reason, exit.direction, exit.size, exit.address),
        "address": None if exit.address is None else hex(exit.address),
        "p50_ns": percentile(exit.histogram, 0.50, exit.handler_max_ns),
        "p90_ns": percentile(exit.histogram, 0.90, exit.handler_max_ns),
        "p99_ns": percentile(exit.histogram, 0.99, exit.handler_max_ns),
        "histogram": trimmed(exit.histogram),
        "over_time": trimmed(exit.over_time),
        "rips": [{"rip": hex(rip), "symbol": symbols(rip), "count": count} for rip, count in exit.rips],
    }


def flight_as_json(entry: FlightEntry, symbols: Callable[[int], str]) -> dict[str, Any]:
    """One entry of "flight"."""
    return {
        **entry.as_dict(),
        "location": location_text(entry.reason, entry.direction, entry.size, entry.address),
        "address": None if entry.address is None else hex(entry.address),
        "value": hex(entry.value),
        "rip": hex(entry.rip),
        "symbol": symbols(entry.rip),
    }


def exit_from_json(entry: dict[str, Any], symbols: dict[int, str]) -> ExitCount:
    """Undoes exit_as_json; the names of RIPs go into `symbols`. KeyError, TypeError or ValueError if it cannot."""
    values = _plain_fields(ExitCount, entry)
    histogram = tuple(map(int, entry["histogram"]))
    over_time = tuple(map(int, entry.get("over_time", ())))  # younger than the first files of this version
    rips = tuple((int(place["rip"], 16), int(place["count"])) for place in entry["rips"])
    symbols.update((int(place["rip"], 16), str(place["symbol"])) for place in entry["rips"])
    filled = histogram + (0,) * (BUCKETS - len(histogram))
    return ExitCount(**values, histogram=filled, over_time=over_time, rips=rips)


def flight_from_json(entry: dict[str, Any], symbols: dict[int, str]) -> FlightEntry:
    """Undoes flight_as_json, likewise."""
    values = _plain_fields(FlightEntry, entry)
    symbols[values["rip"]] = str(entry["symbol"])
    return FlightEntry(**values)


def _plain_fields(record: type[Record], entry: dict[str, Any]) -> dict[str, Any]:
    """The fields that are one number, string or None, each of the kind that the record declares."""
    values = {}
    for name, kind in record.__annotations__.items():
        if kind.startswith("tuple"):
            continue
        if name not in entry and name in record._defaults:
            continue  # a file from before there was such a field
        value = entry[name]
        if kind.startswith("int") and isinstance(value, str):
            value = int(value, 16)
        if type(value).__name__ not in kind.replace("None", "NoneType").split(" | "):
            raise TypeError(f"{name} is {value!r}")
        values[name] = value
    return values
