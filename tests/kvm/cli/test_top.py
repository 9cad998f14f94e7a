"""`vmm top` and the live socket: machines that run, seen from another process, by pipe, terminal and HTTP."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import time

import pytest

from vmm.observe.statistics import ExitStatistics

pexpect = pytest.importorskip("pexpect")

POLL = bytes.fromhex("bafd03 ec ebfd")
"""Real mode: reads COM1's line status for ever."""
AT = "io.in.1[0x3fd]"


@pytest.fixture
def runtime(vmm, tmp_path_factory):
    """An XDG_RUNTIME_DIR for `vmm`."""
    folder = tmp_path_factory.mktemp("run")
    vmm.env["XDG_RUNTIME_DIR"] = str(folder)
    return folder


@pytest.fixture
def poller(vmm, runtime, image):
    """A machine that polls its serial port, once it listens: (process, its socket)."""
    process = vmm.start("run", image(POLL), "-t", "30", "-q")
    path = runtime / "vmm" / f"{process.pid}.sock"
    wait_for(lambda: path.exists() and path.stat().st_mode & 0o777 == 0o600)
    return process, path


def wait_for(what, patience=15.0):
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


def asked(path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(str(path))
        line.sendall(request)
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_the_socket_is_for_its_owner_and_goes_with_the_run(poller, runtime):
    process, path = poller
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert (runtime / "vmm").stat().st_mode & 0o777 == 0o700
    process.terminate()
    assert process.wait(10) == 143
    assert not path.exists()


def test_a_short_run_leaves_no_trace(vmm, runtime, image, code):
    assert vmm("run", image(code.say(b"hello") + code.exit(0))).out == b"hello"
    assert list(runtime.iterdir()) == []


def test_a_folder_that_is_not_ours_alone_means_no_socket_and_no_word(vmm, runtime, image):
    (runtime / "vmm").mkdir()
    (runtime / "vmm").chmod(0o777)
    ran = vmm("run", image(POLL), "-t", "700ms", "-q")
    assert (ran.code, ran.err) == (124, "")
    assert list((runtime / "vmm").iterdir()) == []


def test_statistics_by_socket_are_those_of_the_running_machine(poller):
    _, path = poller
    first = ExitStatistics.from_json(json.loads(asked(path, b"stats json\n")))
    wait_for(lambda: ExitStatistics.from_json(json.loads(asked(path, b"stats json\n")))[AT].count > first[AT].count > 0)
    for request in (b"info\n", b"stats json\n", b"prometheus\n") * 5:
        asked(path, request)
    last = ExitStatistics.from_json(json.loads(asked(path, b"stats json\n")))
    assert first.count("intr") == last.count("intr") == 0, "no look interrupts the guest"
    info = json.loads(asked(path, b"info\n"))
    assert (info["name"], info["vcpus"]) == ("guest.bin", 1)


def test_prometheus_by_http_and_by_word(poller):
    _, path = poller
    head, _, body = asked(path, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) == len(body)
    sample = rb'vmm_exits_total{vcpu="0",reason="io",location="io.in.1\[0x3fd\]",device="com1"} (\d+)'
    counted = int(re.search(sample, body)[1])
    wait_for(lambda: int(re.search(sample, asked(path, b"prometheus\n"))[1]) > counted)
    assert asked(path, b"GET /other HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 404 ")


def test_nonsense_is_refused_and_silence_does_not_hold_up_the_next(poller):
    _, path = poller
    assert b"unknown request" in asked(path, b"\xff\x00 nonsense\n")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        assert b"vmm.live" in asked(path, b"info\n")


def test_once_as_json_has_the_rates_of_one_interval(vmm, poller):
    document = json.loads(vmm("top", "--once", "--json", "-d", "200ms").out)
    assert (document["schema"], document["machine"]["pid"]) == ("vmm.rates", poller[0].pid)
    assert 0.15e9 < document["interval_ns"] < 15e9
    rate = document["by_location"][0]
    assert (rate["name"], rate["device"]) == (AT, "com1")
    assert rate["per_second"] == pytest.approx(rate["count"] * 1e9 / document["interval_ns"])
    assert rate["hot"][0]["rip"] == "0x1003"


def test_once_is_a_table_of_plain_text(vmm, poller):
    out = vmm("top", "guest.bin", "--once", "-d", "100ms", "--by", "device").out.decode()
    assert out.startswith(f"guest.bin ({poller[0].pid}), 1 vCPU, up ")
    assert re.search(r"^ *com1 +[\d,]+ ", out, re.MULTILINE)
    assert "\x1b" not in out


def test_by_pipe_a_table_follows_the_other_until_the_machine_ends(vmm, poller):
    process, _ = poller
    top = vmm.start("top", "-d", "100ms")
    assert b"exits/s" in top.stdout.readline()
    process.terminate()
    out, err = top.communicate(timeout=15)
    assert out.endswith(b"the machine has ended\n")
    assert (top.returncode, err) == (0, b"")


def test_whom_to_watch_is_said_when_it_is_not_clear(vmm, runtime, poller, image):
    other = vmm.start("run", image(POLL), "-t", "30", "-q")
    wait_for((runtime / "vmm" / f"{other.pid}.sock").exists)
    assert "several machines fit" in vmm.refused("top", "--once")
    assert f"no machine is 1; there are {min(poller[0].pid, other.pid)} (guest.bin)" in vmm.refused("top", "1")
    listed = json.loads(vmm("top", "--list", "--json").out)
    assert {entry["pid"] for entry in listed} == {poller[0].pid, other.pid}


def test_nothing_to_see_is_one_line(vmm, runtime):
    assert "no machine runs that can be seen" in vmm.refused("top")
    del vmm.env["XDG_RUNTIME_DIR"]
    assert "XDG_RUNTIME_DIR is not set" in vmm.refused("top", code=126)


class TestTerminal:
    @pytest.fixture
    def top(self, vmm, poller):
        """`vmm top` inside a shell's terminal, whose settings are told before and after."""
        shell = 'stty -a; "$@"; echo "code $?"; stty -a; echo over'
        argv = ["-c", shell, "sh", *vmm.argv, "top", "-d", "100ms"]
        child = pexpect.spawn("sh", argv, env=vmm.env, timeout=15, dimensions=(24, 90))
        child.delaybeforesend = None
        child.expect_exact("\x1b[?1049h")
        child.before_top = modes(child.before)
        child.expect_exact("exits/s")
        yield child
        child.close(force=True)

    def left(self, child) -> tuple[int, bool]:
        """(exit code, whether the terminal is as it was)."""
        child.expect_exact("\x1b[?25h\x1b[?1049l")
        child.expect(r"code (\d+)")
        code = int(child.match[1])
        child.expect_exact("over")
        return code, modes(child.before) == child.before_top

    @pytest.mark.parametrize("key", ["q", "\x03"])
    def test_a_key_leaves_and_the_terminal_is_as_it_was(self, top, key):
        top.send(key)
        assert self.left(top) == (0, True)

    def test_the_machines_end_gives_the_terminal_back(self, top, poller):
        poller[0].terminate()
        assert self.left(top) == (0, True)

    @pytest.mark.parametrize("name", ["TERM", "HUP"])
    def test_a_signal_gives_the_terminal_back(self, top, name):
        own = subprocess.run(["pgrep", "-P", str(top.pid)], capture_output=True, check=True).stdout.split()[0]
        subprocess.run(["kill", f"-{name}", own], check=True)
        assert self.left(top) == ({"TERM": 143, "HUP": 129}[name], True)

    def test_enter_opens_a_row_and_p_holds_the_picture(self, top):
        top.send("\r")
        top.expect_exact("0x1003")
        top.send("p")
        top.expect_exact("PAUSED")
        top.expect(pexpect.TIMEOUT, timeout=0.5)
        assert b"exits/s" not in top.before[100:]
        top.send("p")
        top.expect_exact("exits/s")
        top.send("d")
        top.expect_exact("By device")
        top.send("s")
        top.expect_exact("sort: time")


def modes(settings: bytes) -> list[bytes]:
    """What `stty -a` says, without blanks."""
    return settings[settings.rindex(b"speed") :].split()


def test_sockets_of_dead_machines_go(vmm, runtime, poller):
    process, path = poller
    process.kill()
    process.wait()
    assert path.exists()
    assert vmm("top", "--list").out == b""
    assert not os.path.exists(path)
