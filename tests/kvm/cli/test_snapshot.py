"""`vmm snapshot` and `vmm restore`: a guest saved while it runs, or where its run ends, and gone on with."""

from __future__ import annotations

import json
import os
import time

import pytest

TICKER = bytes.fromhex("baf803 b030 ee fec0 3c3a 75f9 b00a ee b9ffff e2fe ebed")
"""Real mode: 0123456789 and a line end on COM1, a pause, for ever."""


@pytest.fixture
def saved(vmm, code, image):
    """A snapshot in the working folder, of a guest that has said "half a " and echoes."""
    ran = vmm("run", image(code.echo), "-t", "1s", "--snapshot", "a.snap", input=b"half a ", check=False)
    assert (ran.code, ran.out) == (124, b"half a ")
    assert ran.err == "vmm: saved as a.snap\n"
    return "a.snap"


def wait_for(what, patience=15.0):
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


def test_a_line_goes_on_where_the_run_ended(vmm, saved):
    ran = vmm("restore", saved, input=b"line\n\4")
    assert (ran.code, ran.out, ran.err) == (0, b"line\n\4", "")
    again = vmm("run", "--restore", saved, input=b"other\n\4")
    assert (again.code, again.out) == (0, b"other\n\4")


def test_a_guest_that_has_ended_is_not_saved(vmm, code, image):
    ran = vmm("run", image(code.say(b"x") + code.exit(3)), "--snapshot", "a.snap")
    assert ran.code == 3
    assert "not saved, for it has ended" in ran.err


def test_a_machine_that_runs_is_saved_and_nothing_of_its_output_is_lost(vmm, runtime, image):
    with open(vmm.cwd / "out", "wb") as out:
        process = vmm.start("run", image(TICKER), "-t", "30", "-q", stdout=out)
    wait_for(lambda: (runtime / f"{process.pid}.sock").exists())
    first = vmm("snapshot", str(process.pid), "a.snap", "--track", check=False)
    assert (first.code, first.out) == (0, b"")
    assert f"{process.pid}" in first.err
    second = vmm("snapshot", "b.snap", "--diff", "--json", check=False)
    assert json.loads(second.out)["path"] == str(vmm.cwd / "b.snap")
    size = os.path.getsize(vmm.cwd / "out")
    wait_for(lambda: os.path.getsize(vmm.cwd / "out") > size + 1000)
    process.terminate()
    process.wait()
    heard = (vmm.cwd / "out").read_bytes()
    rest = vmm("restore", "b.snap", "-t", "300ms", "-q", check=False).out
    assert (b"0123456789\n" * (len(heard) // 11 + 1)).startswith(heard)
    begins = rest[: rest.index(b"\n") + 1]
    assert b"0123456789\n".endswith(begins)
    assert rest[len(begins) :] == (b"0123456789\n" * (len(rest) // 11 + 1))[: len(rest) - len(begins)]


def test_show_says_what_is_in_it(vmm, saved):
    ran = vmm("snapshot", "show", saved)
    assert ran.code == 0
    page = ran.out.decode()
    for words in ("snapshot  ", "of it in", "vCPU 0     real mode", "com1", "has all of it"):
        assert words in page
    document = json.loads(vmm("snapshot", "show", saved, "--json").out)
    assert (document["schema"], document["version"], document["missing_here"]) == ("vmm.snapshot.show", 1, [])
    assert document["vcpus"][0]["mode"] == "real mode"


def test_squash_makes_one_of_a_chain(vmm, runtime, code, image):
    process = vmm.start("run", image(code.spin), "-t", "30", "-q")
    wait_for(lambda: (runtime / f"{process.pid}.sock").exists())
    assert vmm("snapshot", "a.snap", "--track", check=False).code == 0
    assert vmm("snapshot", "b.snap", "--diff", check=False).code == 0
    process.terminate()
    process.wait()
    assert b"adds to" in vmm("snapshot", "show", "b.snap").out
    assert vmm("snapshot", "squash", "b.snap", "c.snap", check=False).code == 0
    assert b"adds to" not in vmm("snapshot", "show", "c.snap").out
    assert vmm("restore", "c.snap", "-t", "100ms", "-q").code == 124


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("restore",), "too few arguments; usage: vmm restore FILE"),
        (("restore", "none.snap"), "cannot read"),
        (("snapshot", "show", "/dev/null"), "does not begin like a saved machine"),
        (("snapshot", "show", "a", "b"), "usage: vmm snapshot show FILE"),
        (("run", "--restore", "a.snap", "--memory", "4M"), "a saved machine is what it is: --memory cannot be changed"),
        (("run", "--restore", "a.snap", "boot.bin"), "boot.bin cannot be changed"),
        (("run", "x.bin", "--snapshot", "none/a.snap"), "--snapshot: there is no folder"),
        (("restore", "a.snap", "--clock", "off"), "still, on"),
    ],
)
def test_bad_input_is_one_line(vmm, words, complaint):
    ran = vmm(*words)
    assert ran.code == 125
    assert complaint in ran.err
    assert ran.err.count("\n") == 1


def test_nobody_to_save(vmm, runtime):
    ran = vmm("snapshot", "a.snap")
    assert (ran.code, ran.err.count("\n")) == (125, 1)
    assert "no machine runs that can be seen" in ran.err
