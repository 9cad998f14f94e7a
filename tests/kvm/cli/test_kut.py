"""`vmm kut`, as a user calls it, on a guest that reports as a kvm-unit-test does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from vmm.control import guest_set

TOO_LONG = 40


@pytest.fixture(scope="module")
def flat(tmp_path_factory) -> str:
    """The guest under the name that a kvm-unit-test would have, in a folder of its own."""
    path = tmp_path_factory.mktemp("x86") / "lines.flat"
    shutil.copy(guest_set.build("kut-lines"), path)
    return str(path)


def kut(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vmm", "kut", *words], capture_output=True, text=True, timeout=TOO_LONG, check=False
    )


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("", 0, "lines: pass: the test wrote 0"),
        ("fail", 1, "lines: fail: it wrote another value"),
        ("skip", 77, "lines: skip: SKIP: there is nothing to test"),
        ("reset", 1, "lines: reset: the guest asked for a reset"),
        ("hang", 124, "lines: timeout: the deadline passed"),
    ],
)
def test_the_verdict_is_the_exit_code(flat, how, code, words):
    done = kut(flat, "-append", how, "-t", "1s" if how == "hang" else "20s")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert done.stdout.startswith("enabling nothing\n")


def test_an_environment_goes_to_the_test_as_a_module(flat, tmp_path):
    (tmp_path / "env").write_text("NR_CPUS=1\n")
    done = kut(flat, "-initrd", str(tmp_path / "env"))
    assert "PASS: lines: environment NR_CPUS=1\n" in done.stdout


def test_json_and_junit_hold_the_report(flat, tmp_path):
    done = kut(flat, "--append", "fail", "--json", "--junit", str(tmp_path / "out.xml"))
    document = json.loads(done.stdout)
    assert (document["schema"], document["result"]["verdict"]) == ("vmm.kut", "fail")
    assert [line["verdict"] for line in document["result"]["lines"]] == ["PASS", "XFAIL", "FAIL"]
    assert document["exits"]["total"] == document["result"]["exits"] > 100
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("lines", "4", "2")


LIST = """
[good]
file = lines.flat
groups = quick
[bad]
file = lines.flat
test_args = fail
groups = quick
[hangs]
file = lines.flat
test_args = hang
timeout = 1
[elsewhere]
file = lines.flat
arch = i386
[strange]
file = lines.flat
qemu_params = -device edu
"""


@pytest.fixture
def listed(flat, tmp_path) -> tuple[str, str, str]:
    (tmp_path / "unittests.cfg").write_text(LIST)
    return "--config", str(tmp_path / "unittests.cfg"), flat.rpartition("/")[0]


def test_a_list_ends_in_a_table_and_in_1_when_a_test_failed(listed):
    done = kut(*listed, "--jobs", "2")
    assert done.returncode == 1
    rows = {line.split()[1]: line for line in done.stdout.splitlines()[1:6]}
    assert rows["good"].split()[:3] == ["pass", "good", "1"] or rows["good"].split()[:3] == ["pass", "good", "2"]
    assert "io.out.1[0x3f8]" in rows["good"]
    assert rows["bad"].startswith("fail")
    assert rows["hangs"].startswith("timeout")
    assert "i386 only" in rows["elsewhere"]
    assert "there is no device edu here" in rows["strange"]
    assert "5 tests: 1 pass, 1 fail, 2 skip, 1 timeout" in done.stdout
    assert done.stderr.splitlines()[0].split() == ["pass", "good"]


def test_a_group_and_names_choose(listed):
    assert "2 tests: 1 pass, 1 fail" in kut(*listed, "--group", "quick").stdout
    done = kut(*listed, "good", "--json")
    assert done.returncode == 0
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["result"]["name"], run["result"]["verdict"], run["qemu"]) == ("good", "pass", None)


@pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="needs QEMU: apt install qemu-system-x86")
def test_the_guest_tells_the_same_under_qemu(flat):
    for how, verdict in (("fail", "fail"), ("skip", "skip"), ("reset", "reset")):
        done = kut(flat, "--append", how, "--compare", "-t", "20s")
        assert "QEMU finished 1 of 1; 0 of these differ" in done.stdout, done.stdout
        assert done.stdout.splitlines()[1].split()[:3] == [verdict, "lines", verdict]
        assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ((), "no test given; usage: vmm kut FILE.flat"),
        (("/none.flat",), "cannot read /none.flat"),
        (("a.flat", "b.flat"), "more than one test given"),
        (("FLAT", "--cpu", "Pentium"), "there is no CPU model Pentium here"),
        (("FLAT", "--initrd", "/none"), "cannot read '/none'"),
        (("FLAT", "-j", "0"), "--jobs: from 1 on"),
        (("--config", "/none", "."), "cannot read /none"),
        (("--config", "/none", ".", "--smp", "2"), "--smp: the list says it for each test"),
        (("/etc/hostname",), "multiboot image refused: no header with magic"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(flat, words, fault):
    done = kut(*(flat if word == "FLAT" else word for word in words))
    assert done.returncode == 125
    assert done.stderr.count("\n") == 1
    assert fault in done.stderr
