"""Budgets: what a guest may make the host do, one rule a line, and which of them a run has broken.

    io[0x3f8] <= 400             a location (location.py), .count understood
    mmio.total < 50              a reason; exits.total is all of them
    device("com1").quiet >= 9    reason("hlt") likewise
    p99("com1") < 20us           p50, p90, p99, max, time of a device, reason or location

`#` begins a comment. Percentiles are rounded up as everywhere (exits.percentile), and 0 where nothing exited.
Not modelled: arithmetic, rules that hold for one vCPU alone.
"""

from __future__ import annotations

import operator
import re

from ..errors import ConfigError, nearest
from ..records import Record
from .exits import REASONS, percentile
from .figures import number
from .location import DIRECTIONS, Location, parse_location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .statistics import ExitStatistics, ExitView

MEASURES: dict[str, Callable[[ExitView], int]] = {
    "count": lambda view: view.count,
    "total": lambda view: view.count,
    "elements": lambda view: view.elements,
    "quiet": lambda view: view.quiet,
    "time": lambda view: view.total,
    "guest": lambda view: view.guest,
    "max": lambda view: view.max,
    "p50": lambda view: percentile(view.histogram, 0.50, view.max),
    "p90": lambda view: percentile(view.histogram, 0.90, view.max),
    "p99": lambda view: percentile(view.histogram, 0.99, view.max),
}
TIMES = ("time", "guest", "max", "p50", "p90", "p99")
"""Measures that are nanoseconds; the others are counts."""
SIGNS: dict[str, Callable[[int, int], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}

_CALL = re.compile(r"(\w+)\(\s*(?:\"([^\"]*)\"|'([^']*)')\s*\)(?:\.(\w+))?")
_PLACE = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)((?:\[[^\]]*\])?)((?:\.\w+)?)")
_SIGN = re.compile(r"\s*([<>=!]+|\S?)")
_LIMIT = re.compile(r"\s*(0[xX][0-9a-fA-F]+|\d[\d_]*(?:\.\d+)?)\s*([A-Za-z%]*)")
_SELECTORS = ("device", "reason")
_EVERYTHING = "exits"


class Rule(Record):
    """One line of a budget."""

    text: str
    line: int
    """Its number in the text it came from, from 1."""
    where: Location
    measure: str
    """One of MEASURES."""
    sign: str
    """One of SIGNS."""
    limit: int
    """A count or nanoseconds."""

    def came(self, exits: ExitStatistics) -> int:
        """What was measured."""
        return MEASURES[self.measure](exits.sum_of(self.where))


class Broken(Record):
    """A rule that a run has broken."""

    rule: Rule
    came: int

    def __str__(self) -> str:
        return f"{self.rule.text}: came {self.value(self.came)}, wanted {self.rule.sign} {self.value(self.rule.limit)}"

    def value(self, value: int) -> str:
        """A count or a time of this rule, exact: a limit and what missed it never look the same."""
        if self.rule.measure not in TIMES:
            return number(value)
        unit = next((unit for unit in ("s", "ms", "us") if value >= UNITS[unit]), "ns")
        return f"{value / UNITS[unit]:.9f}".rstrip("0").rstrip(".") + unit

    def as_json(self) -> dict[str, Any]:
        """Strings and integers."""
        return {"rule": self.rule.text, "line": self.rule.line, "came": self.came, "wanted": self.rule.limit}


def parse_budget(text: str, name: str = "budget") -> list[Rule]:
    """The rules of `text`. ConfigError, with every faulty line and where in it, under `name`."""
    rules, breaches = [], []
    for at, line in enumerate(text.splitlines(), 1):
        stripped = line.partition("#")[0].strip()
        if not stripped:
            continue
        try:
            rules.append(_rule(stripped, at))
        except ConfigError as fault:
            breaches += [(f"{name}, line {at}", f"{stripped!r}: {said}") for _, said in fault.breaches]
    if breaches:
        raise ConfigError(breaches)
    return rules


def broken(rules: Iterable[Rule], exits: ExitStatistics) -> list[Broken]:
    """The rules that do not hold for these exits, in their order."""
    rows = []
    for rule in rules:
        came = rule.came(exits)
        if not SIGNS[rule.sign](came, rule.limit):
            rows.append(Broken(rule=rule, came=came))
    return rows


def check_devices(rules: Iterable[Rule], known: Iterable[str], name: str = "budget") -> None:
    """ConfigError for devices that are not among `known`: their rules would hold for ever."""
    names = sorted(set(known))
    breaches = [
        (f"{name}, line {rule.line}", f"{rule.text!r}: no device {rule.where.device!r}{_or(rule.where.device, names)}")
        for rule in rules
        if rule.where.device and rule.where.device not in names
    ]
    if breaches:
        raise ConfigError(breaches)


def _rule(text: str, line: int) -> Rule:
    where, measure, at = _subject(text)
    found = _SIGN.match(text, at)
    sign, start = (found[1], found.start(1)) if found else ("", len(text))
    if sign not in SIGNS:
        raise _fault(start, f"expected one of {' '.join(SIGNS)}, found {repr(sign) if sign else 'the end'}")
    at = start + len(sign)
    found = _LIMIT.match(text, at)
    if found is None:
        raise _fault(
            at, f"expected a number, found {text[at:].strip()!r}" if text[at:].strip() else "a number is missing"
        )
    if text[found.end() :].strip():
        raise _fault(found.end(), f"nothing was expected after the number, found {text[found.end() :].strip()!r}")
    limit = _limit(found[1], found[2], measure, found.start(1))
    return Rule(text=text, line=line, where=where, measure=measure, sign=sign, limit=limit)


def _subject(text: str) -> tuple[Location, str, int]:
    """(which exits, what of them, where the rest begins)."""
    call = _CALL.match(text)
    if call is not None:
        name, argument, measure = call[1], call[2] if call[2] is not None else call[3], call[4]
        if name in _SELECTORS:
            where = Location(device=argument) if name == "device" else _place(argument, call.start(2))
            return where, _measure(measure or "count", call.start(4)), call.end()
        if name not in MEASURES:
            raise _fault(0, f"no {name}(...){_or(name, [*_SELECTORS, *MEASURES])}")
        if measure:
            raise _fault(call.start(4) - 1, f"{name}(...) is a number and has no .{measure}")
        return _named(argument, call.start(2)), name, call.end()
    place = _PLACE.match(text)
    if place is None:
        raise _fault(0, 'expected a location such as io[0x3f8], exits, device("com1") or p99("com1")')
    if text[place.end() :].startswith(("(", "[")):
        raise _fault(place.end(), 'this bracket is not closed; names stand in quotes: device("com1")')
    head, bracket, measure = place.groups()
    if not bracket and not measure and head.rpartition(".")[2] in MEASURES:
        head, _, measure = head.rpartition(".")
    elif not bracket and "." in head and head.rpartition(".")[2].isalpha():
        reason, _, last = head.rpartition(".")
        if last not in (some := DIRECTIONS.get(reason, ())):
            raise _fault(len(reason) + 1, f"no {last!r} of {reason}{_or(last, [*some, *MEASURES])}")
    where = Location() if head == _EVERYTHING and not bracket else _place(head + bracket, 0)
    return where, _measure(measure.lstrip(".") or "count", place.start(3)), place.end()


def _named(argument: str, at: int) -> Location:
    """What p99("...") is of: exits, a location or a reason, else a device."""
    if argument == _EVERYTHING:
        return Location()
    is_place = "[" in argument or argument.split(".")[0] in REASONS
    return _place(argument, at) if is_place else Location(device=argument)


def _place(text: str, at: int) -> Location:
    try:
        return parse_location(text)
    except ConfigError as fault:
        said = fault.breaches[0][1]
        if text.isidentifier() and "did you mean" not in said:
            said += f'; write device("{text}") if it is a device'
        raise _fault(at, said) from None


def _measure(name: str, at: int) -> str:
    if name not in MEASURES:
        raise _fault(max(at, 0), f"no measure {name!r}{_or(name, MEASURES)}")
    return name


def _limit(digits: str, unit: str, measure: str, at: int) -> int:
    value = float(digits) if "." in digits else int(digits, 16 if digits[:2] in ("0x", "0X") else 10)
    if measure not in TIMES:
        if unit or not isinstance(value, int):
            raise _fault(at, f"{measure} is a count, and {digits}{unit} is none")
        return value
    if unit not in UNITS:
        raise _fault(at, f"{measure} is a time: write {digits} with ns, us, ms or s")
    return round(value * UNITS[unit])


def _or(word: str, known: Iterable[str]) -> str:
    names = list(known)
    return nearest(word, names) or (f"; there is {', '.join(names)}" if names else "")


def _fault(at: int, words: str) -> ConfigError:
    return ConfigError.of("", f"column {at + 1}: {words}")
