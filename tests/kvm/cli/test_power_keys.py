"""Ctrl-A p and Ctrl-A d on a terminal: the power button and the three keys, from the host."""

from __future__ import annotations

import pytest

pexpect = pytest.importorskip("pexpect")


@pytest.fixture
def session(vmm, tmp_path):
    """session(image) is `vmm run` of these bytes on a terminal; it starts once the guest says so."""
    opened = []

    def start(image: bytes, *words: str):
        (tmp_path / "image").write_bytes(image)
        argv = [*vmm.argv[1:], "run", str(tmp_path / "image"), *words]
        child = pexpect.spawn(vmm.argv[0], argv, cwd=str(vmm.cwd), env=vmm.env, timeout=15)
        child.delaybeforesend = None
        opened.append(child)
        child.expect_exact(b"ready")
        return child

    yield start
    for child in opened:
        child.close(force=True)


def test_ctrl_a_p_presses_the_power_button(session, kernels):
    code = kernels.say(b"ready\r\n") + kernels.until_the_power_button()
    child = session(kernels.image(code), "-m", "64M")
    child.send(b"\x01p")
    child.expect_exact(b"switched the machine off")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_ctrl_a_p_says_so_where_there_is_no_button(session, code):
    child = session(code.say(b"ready\n") + code.echo)
    child.send(b"\x01p")
    child.expect_exact(b"vmm: this machine has no power button")
    child.send(b".")
    child.expect_exact(b".")
    child.send(b"\x04")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_ctrl_a_d_presses_ctrl_alt_del(session, kernels):
    take = b"\xe4\x64\xa8\x01\x74\xfa\xe4\x60"  # in al, 0x64; test al, 1; jz; in al, 0x60
    code = kernels.say(b"ready\r\n") + take + take + take * 2 + b"\x66\xba\xf4\x00\xee"  # out 0xf4, al: 0x53, Del
    child = session(kernels.image(code), "-m", "64M")
    child.send(b"\x01d")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0x53
