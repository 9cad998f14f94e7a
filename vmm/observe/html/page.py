"""The page of a run: verdict, summary, exits over time, tables that sort and filter, histograms, flame graph, hot
instructions, flight recorder.

It needs the statistics; an outcome, a broken budget and the console are shown where the document has them.
"""

from __future__ import annotations

import os
from html import escape

from ..figures import number
from ..flame_graph import flame_drawing
from ..functions import by_function, folded
from ..kernel_stats import compare
from ..location import location_text
from ..msr_accesses import merged
from .exit_rows import FIGURES, PLACE, figures, place
from .grid import Cell, code, count, grid, hexadecimal, part, text, time
from .hidden import hidden
from .histogram import chart
from .over_time import intervals, over_time
from .summary import by_vcpu, summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..statistics import ExitStatistics

_GOOD = ("halted", "debug-exit", "power-off", "suspended")
"""Outcomes that are an end, not an accident."""
_FUNCTIONS = ("function", "hottest line", "count", "share", "in KVM", "handlers", "devices")
_CHARTS = 12
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(exits: ExitStatistics, title: str, document: Mapping[str, Any] | None = None) -> str:
    """The whole page. `document` is what --stats-out or --json wrote; only what it has beside the exits is read."""
    more = document or {}
    parts = [
        _verdict(more),
        summary(exits),
        _budget(more),
        '<p id="tools" hidden><label>Filter rows <input type="search" id="filter" autocomplete="off"></label>'
        ' <span id="found" role="status"></span></p>',
        over_time(exits),
        _tables(exits),
        _charts(exits),
        _functions(exits),
        _hot(exits),
        hidden(exits.hidden, exits.symbols),
        _msrs(exits),
        _kernel(exits),
        _flight(exits),
        _console(more),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>\n'
        f"<style>{_file('page.css')}</style></head>\n<body><header><h1>{escape(title)}</h1></header>\n<main>"
        f"{''.join(parts)}</main>\n<script>{_file('page.js')}</script></body></html>\n"
    )


def _file(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()


def _verdict(document: Mapping[str, Any]) -> str:
    outcome = document.get("outcome")
    if not isinstance(outcome, dict):
        return ""
    kind, words = str(outcome.get("kind", "")), str(outcome.get("words", ""))
    mood = "good" if kind in _GOOD and not document.get("budget") else "bad"
    return (
        f'<p id="verdict" class="{mood}"><strong>{escape(kind)}</strong> {escape(words)}'
        f' <span class="code">exit code {escape(str(outcome.get("exit_code", "?")))}</span></p>\n'
    )


def _budget(document: Mapping[str, Any]) -> str:
    rows = document.get("budget")
    if not isinstance(rows, list):
        return ""
    return grid(
        "Broken budget",
        ("rule", "came", "wanted"),
        [(code(str(row["rule"])), count(int(row["came"])), count(int(row["wanted"]))) for row in rows],
    )


def _tables(exits: ExitStatistics) -> str:
    length = intervals(exits)
    reasons = [(code(name), *figures(view, length)) for name, view in exits.by_reason().items()]
    devices = [(text(name), *figures(view, length)) for name, view in exits.by_device().items()]
    return "".join(
        (
            grid("By reason", ("reason", *FIGURES), reasons),
            grid("By device", ("device", *FIGURES), devices),
            grid(
                "By location",
                (*PLACE, *FIGURES),
                [(*place(view), *figures(view, length)) for view in exits.by_location().values()],
            ),
            by_vcpu(exits),
        )
    )


def _charts(exits: ExitStatistics) -> str:
    views = [
        (f"{name}: {number(view.count)} exit{'' if view.count == 1 else 's'}", view)
        for name, view in exits.by_device().items()
    ][:_CHARTS]
    views = views or [(name, view) for name, view in exits.by_reason().items()]
    figures = "".join(chart(name, view.histogram) for name, view in views)
    if not figures:
        return ""
    return (
        "<details open><summary><h2>Handler times</h2></summary><p>How many exits took how long from the exit to the"
        f' next entry; each bar is twice the time of the one before.</p><div class="charts">{figures}</div></details>\n'
    )


def _functions(exits: ExitStatistics) -> str:
    """The flame graph, and its functions as a table where they have names."""
    if not exits:
        return ""
    program = exits.program()
    functions = by_function(exits.exits, program)
    rows = [
        (
            code(row.function or "(unknown)"),
            code(row.source),
            count(row.count),
            part(row.share),
            time(row.guest_ns),
            time(row.handler_ns),
            text(", ".join(row.devices)),
        )
        for row in functions
    ]
    stacks = folded(exits.exits, program)
    if exits.hidden is not None:
        stacks |= exits.hidden.folded(program)
    drawing = flame_drawing(stacks, "VM exits by device, function, location")
    return (
        "<details open><summary><h2>Flame graph</h2></summary><p>Each box is as wide as its exits are many.</p>"
        f'<div class="wide" role="region" aria-label="Flame graph" tabindex="0">{drawing}</div></details>\n'
    ) + (grid("By function", _FUNCTIONS, rows) if any(row.function for row in functions) else "")


def _hot(exits: ExitStatistics) -> str:
    rows = [
        (
            hexadecimal(hot.rip),
            code(hot.symbol),
            count(hot.count),
            part(hot.share),
            code(hot.location),
            text(hot.device),
        )
        for hot in exits.by_rip()
    ]
    return grid("Hot instructions", ("RIP", "symbol", "count", "share", "access", "device"), rows)


def _msrs(exits: ExitStatistics) -> str:
    rows = [
        (code(one.name), hexadecimal(one.msr), text(one.direction), count(one.count), count(one.refused),
         hexadecimal(one.value))
        for one in merged(exits.msrs or (exits.hidden.msrs if exits.hidden is not None else ()))
    ]  # fmt: skip
    return grid("MSRs", ("name", "number", "access", "count", "refused", "last value"), rows)


def _kernel(exits: ExitStatistics) -> str:
    entries = compare(exits.kernel, exits.exits) if exits.kernel else []
    rows = [(code(entry.name), count(entry.ours or 0), count(entry.kernel), text(entry.remark)) for entry in entries]
    return grid("Kernel's counters", ("counter", "ours", "kernel's", "why they differ"), rows)


def _flight(exits: ExitStatistics) -> str:
    return grid(
        "Flight recorder",
        ("at", "vCPU", "location", "value", "RIP", "symbol", "device"),
        [
            (
                Cell(html=f"{entry.at_ns / 1_000_000:,.3f}ms", value=entry.at_ns),
                Cell(html=str(entry.vcpu), value=entry.vcpu),
                code(location_text(entry.reason, entry.direction, entry.size, entry.address)),
                hexadecimal(entry.value),
                hexadecimal(entry.rip),
                code(exits.symbols(entry.rip)),
                text(entry.device),
            )
            for entry in sorted(exits.flight, key=lambda entry: entry.at_ns)
        ],
        "The last exits, oldest first.",
    )


def _console(document: Mapping[str, Any]) -> str:
    said = document.get("console")
    if not isinstance(said, str) or not said:
        return ""
    return f"<details><summary><h2>Console</h2></summary><pre>{escape(said)}</pre></details>\n"
