"""The timeline: records in, trace events out."""

from __future__ import annotations

import json

from vmm.observe import trace
from vmm.observe.exit_filter import ExitFilter
from vmm.observe.trace import CONSOLE, PRINTK, TracedExit, events, post_codes, serial_lines, to_json


def exit_at(left: int, value: int = 0, device: str = "com1", address: int = 0x3F8, **more) -> TracedExit:
    values = {"vcpu": 0, "entered_ns": left - 10, "left_ns": left, "resumed_ns": left + 5, "reason": "io",
              "direction": "out", "address": address, "size": 1, "device": device, "value": value, "elements": 1,
              "rip": 0x1000}  # fmt: skip
    return TracedExit(**{**values, **more})


def test_an_exit_is_a_guest_slice_and_a_handler_slice_1_ns_apart():
    process, track, guest, handler = events([exit_at(1010, 0x41)], [])
    assert (process["ph"], track["ph"], track["args"]) == ("M", "M", {"name": "vCPU 0"})
    assert guest == {"ph": "X", "name": "guest", "cat": "guest", "pid": 1, "tid": 1, "ts": 1.0, "dur": 0.009,
                     "args": {"rip": "0x1000"}}  # fmt: skip
    assert (handler["name"], handler["ts"], handler["dur"]) == ("com1 out 0x3f8", 1.01, 0.004)
    assert handler["args"]["value"] == "0x41"


def test_the_last_exit_which_nothing_follows_is_a_moment():
    *_, last = events([exit_at(20, resumed_ns=None, reason="hlt", direction="", address=None, device="")], [])
    assert (last["ph"], last["name"], last["s"]) == ("i", "hlt", "t")


def test_a_filter_leaves_marks_and_takes_slices_away():
    exits = [exit_at(20, 0x41), exit_at(40, 7, "post", 0x80)]
    found = list(events(exits, post_codes(exits), ExitFilter("device=com1")))
    assert [event["name"] for event in found if event["ph"] != "M"] == ["guest", "com1 out 0x3f8", "POST 0x07"]


def test_a_line_stands_at_the_exit_that_ended_it_however_late_it_was_heard():
    exits = [exit_at(at, letter) for at, letter in zip(range(100, 700, 100), b"a\nbc\n ", strict=True)]
    marks = serial_lines([(650, b"a\nbc\n")], exits, 0x3F8)
    assert [(mark.at_ns, mark.name) for mark in marks] == [(200, "a"), (500, "bc")]


def test_a_divisor_written_to_the_same_port_is_no_text():
    exits = [exit_at(100, 65), exit_at(200, 1), exit_at(300, 10)]
    assert [mark.at_ns for mark in serial_lines([(400, b"A\n")], exits, 0x3F8)] == [300]


def test_text_whose_exits_are_lost_stands_where_it_was_heard():
    assert [mark.at_ns for mark in serial_lines([(50, b"old\n"), (90, b"x\n")], [exit_at(80, 10)], 0x3F8)] == [50, 80]


def test_a_kernels_stamped_lines_have_a_track_of_their_own():
    marks = serial_lines([(5, b"[    0.000000] Linux\r\nlogin: ")], [], 0x3F8)
    assert [(mark.track, mark.name) for mark in marks] == [(PRINTK, "[    0.000000] Linux"), (CONSOLE, "login: ")]


def test_the_document_is_json_and_says_what_was_lost():
    document = json.loads(to_json(events([exit_at(20)], []), 3))
    assert document["otherData"] == {"schema": trace.SCHEMA, "version": trace.VERSION, "lost_exits": 3}
    assert len(document["traceEvents"]) == 4
