"""`vmm run --budget FILE --expect RULE`: exit code 117 with the rows that broke, and words for what is no rule."""

from __future__ import annotations

import json

HELLO = b"hello"


def test_a_budget_that_holds_changes_nothing(vmm, code, image):
    (vmm.cwd / "ok.budget").write_text("# five letters\nio.out[0x3f8] == 5\nmmio.total < 1\n")
    ran = vmm("run", "--budget", "ok.budget", "--expect", 'device("com1").count <= 5',
              image(code.say(HELLO), code.exit(4)))  # fmt: skip
    assert ran == (4, HELLO, "")


def test_a_broken_budget_names_its_rows(vmm, code, image):
    (vmm.cwd / "tight.budget").write_text("io.out[0x3f8] <= 4\nexits.total <= 1000\n\nreason('hlt') == 7\n")
    ran = vmm("run", "--budget", "tight.budget", "--expect", "mmio > 0", image(code.say(HELLO), code.halt))
    assert (ran.code, ran.out) == (117, HELLO)
    assert ran.err.splitlines() == [
        "vmm: budget broken, 3 of 4 rules",
        "  tight.budget:1: io.out[0x3f8] <= 4: came 5, wanted <= 4",
        "  tight.budget:4: reason('hlt') == 7: came 1, wanted == 7",
        "  mmio > 0: came 0, wanted > 0",
    ]


def test_times_have_budgets_too(vmm, code, image):
    spoken = image(code.say(HELLO), code.halt)
    assert vmm("run", "--expect", 'p99("com1") < 10s', spoken).code == 0
    ran = vmm("run", "--expect", 'p99("com1") < 1ns', spoken)
    assert ran.code == 117
    assert "wanted < 1ns" in ran.err


def test_nothing_runs_when_a_rule_is_none(vmm, code, image):
    spoken = image(code.say(HELLO), code.halt)
    assert "column 8" in vmm.refused("run", "--expect", "io.out =< 4", spoken)
    assert "did you mean com1" in vmm.refused("run", "--expect", 'device("con1") < 4', spoken)
    assert "cannot read no.budget: No such file" in vmm.refused("run", "--budget", "no.budget", spoken)


def test_json_tells_it_as_well(vmm, code, image):
    ran = vmm("run", "--json", "--expect", "hlt < 1", "--expect", "io < 9", image(code.say(HELLO), code.halt))
    document = json.loads(ran.out)
    assert ran.code == document["outcome"]["exit_code"] == 117
    assert document["outcome"]["kind"] == "halted"
    assert document["budget"] == [{"rule": "hlt < 1", "line": 1, "came": 1, "wanted": 1}]
