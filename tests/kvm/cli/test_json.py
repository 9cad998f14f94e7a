"""`vmm run --json`: one document on stdout and nothing else, whatever became of the guest."""

from __future__ import annotations

import json
import signal
import time

import pytest

from vmm.machine.outcome import EXIT_CODES
from vmm.observe.statistics import ExitStatistics

RUNS = {
    "halted": ("halt", 0),
    "debug-exit": ("exit 7", 7),
    "shutdown": ("--guest triple-fault", 120),
    "internal-error": ("crash", 121),
    "unclaimed": ("--guest unclaimed", 122),
    "reset": ("--guest reset", 123),
    "deadline": ("spin", 124),
}


def document(ran):
    assert ran.err == ""
    assert ran.out.startswith(b"{")
    assert ran.out.endswith(b"}\n")
    found = json.loads(ran.out)
    assert (found["schema"], found["version"]) == ("vmm.run", 1)
    assert found["outcome"]["exit_code"] == ran.code
    assert ExitStatistics.from_json(found["exits"]).total == found["exits"]["total"]
    return found


@pytest.mark.parametrize("kind", RUNS)
def test_each_kind_of_outcome_is_one_document(vmm, code, image, kind):
    what, exit_code = RUNS[kind]
    guests = {"halt": code.halt, "exit 7": code.exit(7), "crash": code.crash, "spin": code.spin}
    which = [image(code.say(b"hi\n"), guests[what])] if what in guests else what.split()
    options = ["--memory=64k"] if kind == "internal-error" else ["--strict"]
    deadline = "100ms" if kind == "deadline" else "5s"
    ran = vmm("run", "--json", "--deadline", deadline, *options, *which)
    assert ran.code == exit_code
    found = document(ran)
    assert found["outcome"]["kind"] == kind
    assert kind in EXIT_CODES
    assert found["outcome"]["value"] == (7 if kind == "debug-exit" else 0)
    assert (found["crash"] is None) == (kind in ("halted", "debug-exit", "reset"))
    assert set(found["registers"]["0"]) >= {"rax", "rip", "rflags"}
    assert all(int(value, 16) >= 0 for value in found["registers"]["0"].values())
    if what in guests:
        assert found["console"] == "hi\n"
        assert found["exits"]["total"] >= 3


def test_a_stopped_run_is_a_document_too(vmm, code, image):
    running = vmm.start("run", "--json", image(code.spin))
    time.sleep(0.3)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=5)
    assert (running.returncode, err) == (143, b"")
    found = json.loads(out)
    assert found["outcome"] == {
        "kind": "stopped", "words": "stopped by SIGTERM", "value": 15, "vcpu": 0, "detail": {}, "exit_code": 143,
    }  # fmt: skip


def test_the_claim_that_was_missed_is_in_the_detail(vmm):
    found = document(vmm("run", "--json", "--guest", "unclaimed", "--strict", "-t", "5s"))
    assert found["outcome"]["detail"]["address"] == "0x1234"
    assert found["outcome"]["detail"]["direction"] == "out"


def test_bytes_that_are_no_text_do_not_break_the_document(vmm, code, image):
    found = document(vmm("run", "--json", image(code.say(b"a\xff\x00\x1b"), code.halt)))
    assert found["console"] == "a\N{REPLACEMENT CHARACTER}\x00\x1b"


def test_the_exit_code_in_the_document_follows_the_style(vmm, code, image):
    found = document(vmm("run", "--json", "--exit-code=qemu", image(code.exit(3))))
    assert found["outcome"]["exit_code"] == 7


def test_a_pipe_still_reaches_the_guest(vmm, code, image):
    found = document(vmm("run", "--json", "-t", "5s", image(code.echo), input=b"typed\x04"))
    assert found["console"] == "typed\x04"


def test_a_refused_request_prints_no_document(vmm):
    vmm.refused("run", "--json", "nowhere")


def test_json_and_statistics_may_be_asked_for_together(vmm, code, image):
    ran = vmm("run", "--json", "--stats", image(code.halt))
    json.loads(ran.out)
    assert "exit in" in ran.err
