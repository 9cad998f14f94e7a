"""`vmm linux`: one command in a guest, its output alone, its exit status; files that come along; a boot explained."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VMM, GUEST_LINUX = str(ROOT / ".venv/bin/vmm"), str(ROOT / "scripts/guest-linux")
pytestmark = pytest.mark.timeout(300)


def linux(*words: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    stdin = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    return subprocess.run([VMM, "linux", "-t", "240s", *words], capture_output=True, check=False, **stdin)


def test_the_exit_status_is_the_commands_and_its_output_is_all_there_is(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"from the host\n")
    script = "cat /deep/file; echo 'two  words'; cat; exit 42"
    done = linux("--dir", str(tmp_path), "--", "sh", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (42, b"from the host\ntwo  words\n", b"")


def test_what_a_pipe_gives_arrives_as_it_is_and_ends():
    data = bytes(range(256)) * 20 + b"x" * 5000
    done = linux("--", "cat", given=data)
    assert done.stdout == data
    assert done.returncode == 0


def test_a_verbose_boot_can_be_explained(tmp_path):
    out, timeline, page = (tmp_path / name for name in ("trace.json", "timeline.json", "page.html"))
    more = ("--trace", str(timeline), "--report", str(page), "--expect", "io < 1000000")
    done = linux("-v", "--boot-trace", "--boot-trace-out", str(out), *more, "--", "sh", "-c", "echo up; exit 3")
    assert done.returncode == 3, done.stderr
    assert b"Linux version" in done.stdout
    assert b"\nup\n" in done.stdout.replace(b"\r", b"")
    report = done.stderr.decode()
    for words in ("the kernel begins", "init starts", "the console takes commands", "the serial console"):
        assert words in report
    assert all(len(line) <= 80 for line in report.splitlines())
    trace = json.loads(out.read_text())
    times = [mark["at_ns"] for mark in trace["marks"]]
    assert times == sorted(times)
    assert [mark["who"] for mark in trace["marks"]].index("kernel") > 3
    assert len(trace["lines"]) > 100
    assert trace["samples"][-1]["exits"] > 1000
    assert "exit code 3" in page.read_text()
    check_timeline(json.loads(timeline.read_text())["traceEvents"])


def check_timeline(events):
    """Slices that do not overlap on a track, all that a boot has to show, and each at the time the kernel says."""
    tracks = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {"vCPU 0", "interrupts", "printk", "com1"} <= set(tracks.values())
    for track in tracks:
        slices = [event for event in events if event["ph"] == "X" and event["tid"] == track]
        for one, following in pairwise(slices):
            assert one["ts"] + one["dur"] < following["ts"]
    marks = {track: [event for event in events if event["ph"] == "i" and tracks[event["tid"]] == track]
             for track in tracks.values()}  # fmt: skip
    assert any(event["name"] == "GSI 4 up" for event in marks["interrupts"])
    assert marks["com1"][-1]["name"] == "up"
    said = [(event["ts"] / 1e6, float(event["name"][1:].split("]")[0])) for event in marks["printk"]]
    assert len(said) > 100
    late = [ours - theirs for ours, theirs in said if theirs > 0]
    assert max(late) - min(late) < 20, "printk's own times run beside ours, a slow console behind"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--dir", "/nowhere"], b"vmm: --dir: /nowhere does not exist\n"),
        (["--dir", "large", "-m", "64M"], b"of memory: raise --memory\n"),
        (["--kernel", "/dev/null", "--initrd", "/dev/null"], b"found an empty file\n"),
        (["--flavour", "hot"], b"is not one of cloud, amd64\n"),
    ],
)
def test_what_cannot_be_booted_is_one_line(words, fault, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "large").mkdir()
    with open(tmp_path / "large/file", "wb") as file:
        file.truncate(100 << 20)
    done = linux(*words, "--", "true")
    assert done.returncode == 125
    assert done.stderr.endswith(fault)
    assert done.stderr.count(b"\n") == 1


def test_run_packs_a_directory_as_the_initramfs(tmp_path):
    """With busybox and an init of one's own: nothing else is needed."""
    kernel, initramfs = subprocess.run([GUEST_LINUX], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    with open(initramfs, "rb") as archive:
        subprocess.run(["cpio", "-idm", "--quiet", "bin/busybox", "bin/port"], stdin=archive, cwd=tmp_path, check=True)
    (tmp_path / "init").write_text("#!/bin/busybox sh\necho packed\nbusybox stty sane\nPATH=/bin port 244 9\n")
    (tmp_path / "init").chmod(0o755)
    command = [VMM, "run", kernel, "--dir", str(tmp_path), "--append", "+quiet loglevel=1", "-t", "240s"]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (9, b"packed\r\n")
