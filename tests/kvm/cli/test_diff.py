"""`vmm diff`: two runs as files."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def runs(vmm, code, image):
    """Two greetings, one of them a letter longer and with a POST code."""
    for name, guest in (("a", code.say(b"hello")), ("b", code.say(b"hello!") + b"\xe6\x80")):
        assert vmm("run", "--stats-out", f"{name}.json", image(guest, code.halt), check=False).code == 0
    return vmm


def test_the_same_run_is_the_same(runs):
    ran = runs("diff", "a.json", "a.json")
    assert (ran.code, ran.err) == (0, "")
    assert b"No difference at" in ran.out


def test_two_runs_of_one_guest_do_not_differ(runs, code, image):
    guest = image(code.say(b"hello"), code.halt)
    assert runs("run", "--stats-out", "c.json", guest, check=False).code == 0
    for before in (["a.json"], ["a.json", "a.json"]):
        ran = runs("diff", *before, "c.json")
        assert (ran.code, ran.err) == (0, ""), ran.out
    assert b"2 runs before" in ran.out


def test_one_letter_and_a_new_port_are_found(runs):
    ran = runs("diff", "a.json", "b.json")
    lines = ran.out.decode().splitlines()
    assert ran.code == 1
    assert lines[0].startswith("Exits 6 -> 8 (+2), wall ")
    assert any(line.split()[:1] == ["io.out.1[0x80]"] and "new" in line for line in lines)
    assert any(line.split() == ["io.out.1[0x3f8]", "com1", "5", "6", "+1", "(+20.0%)"] for line in lines)
    assert max(map(len, lines)) <= 80


def test_json_and_a_run_document_as_input(runs, code, image):
    whole = runs("run", "--json", image(code.say(b"hello"), code.halt))
    (runs.cwd / "whole.json").write_bytes(whole.out)
    ran = runs("diff", "--json", "--threshold", "20%", "b.json", "whole.json")
    document = json.loads(ran.out)
    assert (ran.code, document["schema"]) == (1, "vmm.exit-diff")
    assert [(change["location"], change["kinds"]) for change in document["changes"]] == [
        ("io.out.1[0x80]", ["vanished"])
    ]


def test_what_is_no_run_is_refused(runs):
    (runs.cwd / "bad.json").write_text("{")
    (runs.cwd / "other.json").write_text('{"schema": "else"}')
    assert "bad.json: is not JSON" in runs.refused("diff", "a.json", "bad.json")
    assert "other.json: schema: expected vmm.exits" in runs.refused("diff", "other.json", "a.json")
    assert "none.json: cannot be read: No such file" in runs.refused("diff", "a.json", "none.json")
    assert "not a part such as 5%" in runs.refused("diff", "--threshold", "few", "a.json", "a.json")
