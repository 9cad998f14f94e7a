"""`vmm migrate`, `vmm restore --listen`, `vmm standby`: a guest that ticks, moved and mirrored between processes."""

from __future__ import annotations

import json
import os
import time

import pytest

TICKER = bytes.fromhex("baf803 b030 ee fec0 3c3a 75f9 b00a ee b9ffff e2fe ebed")
"""Real mode: 0123456789 and a line end on COM1, a pause, for ever."""
LINE = b"0123456789\n"


def wait_for(what, patience=20.0):
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


@pytest.fixture
def ticker(vmm, tmp_path_factory, image):
    """A machine that ticks to the file "here", once it can be told something."""
    runtime = tmp_path_factory.mktemp("run")
    vmm.env["XDG_RUNTIME_DIR"] = str(runtime)
    with open(vmm.cwd / "here", "wb") as out:
        process = vmm.start("run", image(TICKER), "-t", "60", "-q", stdout=out)
    wait_for(lambda: (runtime / "vmm" / f"{process.pid}.sock").exists())
    return process


def waiter(vmm, *words):
    """A process that waits at "line" and ticks to the file "there"."""
    with open(vmm.cwd / "there", "wb") as out:
        process = vmm.start(*words, "-t", "60", "-q", stdout=out)
    wait_for(lambda: (vmm.cwd / "line").exists())
    return process


def has_grown(path):
    size = os.path.getsize(path)
    return lambda: os.path.getsize(path) > size + 50


def test_no_tick_is_lost_or_said_twice_on_the_way(vmm, ticker):
    there = waiter(vmm, "restore", "--listen", "unix:line")
    ran = vmm("migrate", str(ticker.pid), "unix:line", "--json", check=False)
    moved = json.loads(ran.out)
    assert (ran.code, moved["rounds"]) == (0, 1)
    assert ticker.wait(20) == 0
    wait_for(has_grown(vmm.cwd / "there"))
    there.terminate()
    there.wait()
    said = (vmm.cwd / "here").read_bytes() + (vmm.cwd / "there").read_bytes()
    assert (LINE * (len(said) // len(LINE) + 1)).startswith(said)


def test_a_machine_that_nobody_takes_goes_on(vmm, ticker):
    assert "nobody takes a machine" in vmm.refused("migrate", "unix:line", code=126)
    wait_for(has_grown(vmm.cwd / "here"))


def test_a_standby_goes_on_with_a_machine_whose_process_is_killed(vmm, ticker):
    there = waiter(vmm, "standby", "unix:line")
    ran = vmm("migrate", str(ticker.pid), "unix:line", "--standby", "--every", "50ms", check=False)
    assert (ran.code, "is followed by a standby" in ran.err) == (0, True)
    wait_for(has_grown(vmm.cwd / "here"))
    assert (vmm.cwd / "there").read_bytes() == b""
    ticker.kill()
    wait_for(has_grown(vmm.cwd / "there"))
    there.terminate()
    there.wait()
    before, after = (vmm.cwd / "here").read_bytes(), (vmm.cwd / "there").read_bytes()
    begins = after[: after.index(b"\n") + 1]
    assert LINE.endswith(begins)
    assert (LINE * (len(after) // len(LINE) + 1)).startswith(after[len(begins) :])
    assert (LINE * (len(before) // len(LINE) + 1)).startswith(before)


def test_a_standby_leaves_when_the_machine_has_ended_in_order(vmm, ticker):
    there = waiter(vmm, "standby", "unix:line")
    vmm("migrate", "unix:line", "--standby", check=False)
    ticker.terminate()
    assert ticker.wait(20) == 143
    assert there.wait(20) == 0
    assert (vmm.cwd / "there").read_bytes() == b""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("migrate",), "too few arguments"),
        (("migrate", "nowhere"), "neither unix:PATH"),
        (("migrate", "1", "tcp:host:99999"), "neither unix:PATH"),
        (("migrate", "unix:" + "x" * 200), "106 bytes at most"),
        (("standby",), "usage: vmm standby ADDRESS"),
        (("restore", "--listen", "line"), "neither unix:PATH"),
        (("restore", "a.snap", "--listen", "unix:line"), "too many arguments"),
    ],
)
def test_bad_input_is_one_line(vmm, words, complaint):
    assert complaint in vmm.refused(*words)
