"""`vmm guests`: the listing, the descriptions, the sources, and a check that fails when a guest does not do as said."""

from __future__ import annotations

import json
import shutil

import pytest

from vmm.control import guest_set

NAMES = guest_set.names()
needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc to build a guest: apt install gcc binutils")


def test_the_listing_has_one_line_of_80_columns_for_each_guest(vmm):
    ran = vmm("guests")
    lines = ran.out.decode().splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[0] for line in lines] == NAMES
    assert max(map(len, lines)) <= 80
    for line in lines:
        assert line.endswith(".")
        assert len(line.split()) > 3


def test_a_guest_is_described_in_full(vmm):
    ran = vmm("guests", "hello-long", "popcnt")
    text = ran.out.decode()
    assert ran.code == 0
    for words in ("hello-long\n", "--mode long", "ends     debug-exit 0x2a", "on pvm   internal-error", "guest.S\n"):
        assert words in text
    assert "..." not in text
    assert max(len(line) for line in text.splitlines() if "source" not in line) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_every_guest_can_be_described(name, capsys):
    from vmm.control.cli.guests import main

    assert main([name]) == 0
    assert capsys.readouterr().out.startswith(f"{name}\n  ")


def test_the_source_is_printed_as_it_is(vmm):
    with open(guest_set.source(guest_set.describe("spin")), "rb") as file:
        assert vmm("guests", "--source", "spin").out == file.read()


def test_the_listing_as_json_is_one_document(vmm):
    found = json.loads(vmm("guests", "--json").out)
    assert [guest["name"] for guest in found["guests"]] == NAMES
    assert all(guest["summary"].endswith(".") for guest in found["guests"])
    assert found["guests"][0]["machine"]["memory"] > 0


@needs_gcc
def test_a_guest_that_does_as_expected_passes(vmm):
    ran = vmm("guests", "--check", "spin", "hello-long")
    assert ran == (0, b"ok      spin\nok      hello-long\n2 passed, 0 failed\n", "")


@pytest.fixture
def wrong(vmm, tmp_path):
    """A set of guests of which one expects what does not come."""
    folder = tmp_path / "own guests"
    shutil.copytree(guest_set.find(), folder)
    expectation = folder / "hello-long" / "expect.toml"
    expectation.write_text(expectation.read_text().replace("Hello", "Hullo"))
    vmm.env["VMM_GUESTS"] = str(folder)
    return folder


@needs_gcc
def test_a_guest_that_does_not_is_told_and_gives_1(vmm, wrong):
    ran = vmm("guests", "--check", "hello-long", "hello-real")
    assert ran.code == 1
    assert ran.err == ""
    lines = ran.out.decode().splitlines()
    assert lines[0] == "FAILED  hello-long"
    assert "Hullo" in lines[1]
    assert lines[-2:] == ["ok      hello-real", "1 passed, 1 failed"]


@needs_gcc
def test_a_failed_check_as_json_is_one_document(vmm, wrong):
    ran = vmm("guests", "--check", "--json", "hello-long")
    found = json.loads(ran.out)
    assert (ran.code, found["failed"]) == (1, ["hello-long"])
    assert "Hullo" in found["guests"]["hello-long"][0]


def test_a_folder_that_holds_no_guests_is_refused(vmm, tmp_path):
    vmm.env["VMM_GUESTS"] = str(tmp_path)
    assert vmm.refused("guests") == f"VMM_GUESTS: {tmp_path} is no folder of guests: it has no lib/"


def test_a_guest_of_ones_own_can_be_run_by_name(vmm, wrong):
    shutil.copytree(wrong / "spin", wrong / "my-own")
    assert vmm("run", "--guest", "my-own", "-q", "-t", "50ms").code == 124
