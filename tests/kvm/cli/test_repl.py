"""`vmm run --repl`: a Python prompt on the machine after its run."""

from __future__ import annotations

import pytest

pexpect = pytest.importorskip("pexpect")


def test_the_machine_is_there_to_be_asked_and_the_exit_code_stays_the_guests(vmm, code, image):
    words = [*vmm.argv, "run", "--repl", image(code.say(b"hi"), code.exit(4))]
    child = pexpect.spawn(words[0], words[1:], cwd=str(vmm.cwd), env=vmm.env, timeout=10)
    child.expect_exact("the machine is ended")
    child.expect_exact(">>> ")
    child.sendline("machine.exits['io.out[0x3f8]'].count + 1000")
    child.expect_exact("1002")
    child.sendline("nonsense")
    child.expect_exact("NameError")
    child.sendline("exit()")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 4


def test_a_machine_at_its_deadline_can_be_run_on(vmm, code, image):
    words = [*vmm.argv, "run", "--repl", "--deadline", "200ms", image(code.spin)]
    child = pexpect.spawn(words[0], words[1:], cwd=str(vmm.cwd), env=vmm.env, timeout=10)
    child.expect_exact("the machine is paused")
    child.sendline("machine.run(deadline=0.1).kind")
    child.expect_exact("'deadline'")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 124
