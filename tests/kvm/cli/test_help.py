"""Help pages: on stdout, short enough for a screen, and true."""

from __future__ import annotations

import re

import pytest

import vmm as package
from vmm.machine.outcome import EXIT_CODES

LONGEST = {"run": 30, "linux": 30, "kut": 30}
COMMANDS = (
    "run", "linux", "profile", "guests", "doctor", "kut", "top", "diff", "report", "replay", "snapshot", "restore",
    "migrate", "standby", "set",
)  # fmt: skip


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("help",)])
def test_the_first_page_names_every_command_and_fits_a_screen(vmm, words):
    ran = vmm(*words)
    page = ran.out.decode()
    assert (ran.code, ran.err) == (0, "")
    assert len(page.splitlines()) <= 24
    assert max(map(len, page.splitlines())) <= 80
    assert all(f"vmm {name}" in page for name in COMMANDS)


def test_the_first_page_names_every_exit_code(vmm):
    page = vmm("--help").out.decode()
    for code in {code for code, _ in EXIT_CODES.values() if code is not None} | {117, 125, 126, 141, 143}:
        assert re.search(rf"\b{code}\b", page), code


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_page(vmm, name):
    ran = vmm(name, "--help")
    page = ran.out.decode()
    assert (ran.code, ran.err) == (0, "")
    assert page.startswith(f"usage: vmm {name} [options]")
    assert len(page.splitlines()) <= LONGEST.get(name, 24)
    assert max(map(len, page.splitlines())) <= 80
    assert vmm(name, "-h").out.decode() == page


def test_the_whole_page_has_what_the_short_one_leaves_out(vmm):
    short, whole = (vmm("run", word).out.decode() for word in ("--help", "--help-all"))
    assert "--help-all adds: CPU and start, kernels, drives, firmware and devices, virtio,\nexits, snapshots." in short
    assert "--firmware FILE" not in short
    assert "\nfirmware and devices:\n  --firmware FILE        a ROM in place of IMAGE" in whole
    lines = [line for line in short.splitlines() if line.startswith("  -")]
    assert set(lines) < set(whole.splitlines())
    assert max(map(len, whole.splitlines())) <= 80


def test_help_is_given_whatever_else_is_wrong(vmm):
    assert vmm("run", "a", "b", "--help").code == 0


def test_no_words_at_all_give_the_page_as_a_refusal(vmm):
    ran = vmm()
    assert (ran.code, ran.out) == (125, b"")
    assert ran.err.startswith("usage: vmm COMMAND")


@pytest.mark.parametrize("word", ["--version", "-V", "version"])
def test_the_version_is_one_line(vmm, word):
    assert vmm(word) == (0, f"vmm {package.__version__}\n".encode(), "")


def test_nothing_is_coloured_in_a_pipe(vmm, code, image):
    assert "\x1b" not in vmm("run", "--stats", image(code.halt)).err
