"""vmm run --record and vmm replay: real guests' traffic, driven again without KVM; and what a changed device shows."""

from __future__ import annotations

import json
import os
import resource

import pytest

SEABIOS = "/usr/share/seabios/bios-256k.bin"
GUESTS = (
    "hello-long", "serial-echo", "bios-disk", "bios-time", "call-stacks", "io-apic", "pit-ticks", "string-io", "mmio",
    "two-vcpus", "smp-sipi",
)  # fmt: skip
DEVICE = """
from vmm import Device

class Adder(Device):
    name = "adder"
    total = 0

    def write(self, offset, size, value):
        self.total += value

    def read(self, offset, size):
        return self.total & 0xff
"""
GUEST = bytes.fromhex("b005 e650 e650 e450 e6f4")  # mov $5, %al; out; out; in $0x50, %al; out %al, $0xf4


@pytest.mark.parametrize("guest", GUESTS)
def test_a_guest_s_traffic_is_answered_the_same(vmm, tmp_path, guest):
    path = tmp_path / "run.rec"
    vmm("run", "--guest", guest, "--record", str(path), "-t", "3s", input=b"hi\n", check=False)
    done = vmm("replay", str(path))
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(b" events, no difference\n")
    assert int(done.out.split()[0].replace(b",", b"")) > 0  # two-vcpus has one, and may end before its input is read


@pytest.mark.skipif(not os.path.exists(SEABIOS), reason="SeaBIOS is not here: apt install seabios")
def test_firmware_s_traffic_is_answered_the_same(vmm, tmp_path):
    path = tmp_path / "run.rec"
    vmm("run", "--firmware", SEABIOS, "--record", str(path), "-t", "3s")
    done = vmm("replay", str(path), "--json")
    found = json.loads(done.out)
    assert (done.code, found["whole"], found["difference"]) == (0, True, None)
    assert found["events"] > 1000


@pytest.fixture
def adder(vmm, tmp_path):
    """(file of the device, recording of a guest that uses it)."""
    device, image, path = tmp_path / "adder.py", tmp_path / "guest.bin", tmp_path / "run.rec"
    device.write_text(DEVICE)
    image.write_bytes(GUEST)
    ran = vmm("run", str(image), "--mode", "real", "--device", f"{device}:Adder,port=0x50", "--record", str(path))
    assert ran.code == 10
    return device, path


def test_a_changed_device_shows_its_first_other_answer(vmm, adder):
    device, path = adder
    again = vmm("replay", str(path), "--device", f"{device}:Adder,port=0x50")
    assert (again.code, again.out) == (0, b"4 events, no difference\n")
    device.write_text(DEVICE.replace("+= value", "+= value + 1"))
    changed = vmm("replay", str(path), "--device", f"{device}:Adder,port=0x50")
    assert changed.code == 1
    assert changed.out.decode() == (
        "event 3: another answer\n  vCPU 0  in    0x50 size 1 -> 0xa  adder\n  recorded  0xa\n  given     0xc\n"
        "before it:\n  vCPU 0  out   0x50 size 1 <- 0x5  adder\n  vCPU 0  out   0x50 size 1 <- 0x5  adder\n"
    )
    device.write_text(DEVICE.replace("return self.total", "return self.sum"))
    broken = json.loads(vmm("replay", str(path), "--device", f"{device}:Adder,port=0x50", "--json").out)
    assert broken["difference"]["what"] == "failure"
    assert "no attribute 'sum'" in broken["difference"]["given"]


def test_the_list_can_be_filtered(vmm, adder):
    _, path = adder
    assert vmm("replay", str(path), "--list", "--filter", "direction=in").out.decode() == (
        "       3  vCPU 0  in    0x50 size 1 -> 0xa  adder\n"
    )
    assert len(vmm("replay", str(path), "--list").out.splitlines()) == 4


def test_a_recording_that_was_cut_off_replays_to_there(vmm, adder):
    device, path = adder
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:5])
    done = vmm("replay", str(path), "--device", f"{device}:Adder,port=0x50")
    assert (done.code, done.out) == (0, b"3 events, no difference; the recording was cut off there\n")


def test_what_is_no_recording_is_one_line(vmm, tmp_path, adder):
    _, path = adder
    lines = path.read_bytes().splitlines(keepends=True)
    for content, words in (
        (b"", "no JSON"),
        (b"{}\n", "no recording"),
        (lines[0].replace(b'"version": 1', b'"version": 9'), "version 9"),
        (lines[0] + b'["in",80]\n', "line 2 is damaged"),
        (lines[0] + b'["end",7]\n', "there are 0"),
        (lines[0] + b'["call","com1","close",""]\n', "nobody outside calls close"),
    ):
        path.write_bytes(content)
        done = vmm("replay", str(path))
        assert done.code == 125, content
        assert words in done.err
        assert len(done.err.splitlines()) == 1
    assert vmm("replay", str(tmp_path / "none")).code == 125


def test_a_disk_that_the_guest_wrote_to_is_not_written_again(vmm, tmp_path):
    disk, path = tmp_path / "disk.img", tmp_path / "run.rec"
    writes = bytes.fromhex("b80103 bb007c b90200 ba8000 cd13 e6f4")  # its first sector, to the second, by int 13h/03h
    before = (writes.ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0")
    disk.write_bytes(before)
    vmm("run", "--hda", str(disk), "--record", str(path), "-t", "10s")
    assert disk.read_bytes()[512:1024] == before[:512]
    disk.write_bytes(before)
    done = vmm("replay", str(path))
    assert (done.code, done.err) == (0, "")
    assert disk.read_bytes() == before


def test_a_full_disk_is_told_once_and_is_no_fault_of_the_guest_s_devices(vmm, tmp_path, code):
    path, image = tmp_path / "run.rec", tmp_path / "guest.bin"
    path.write_text("an older recording")
    image.write_bytes(code.echo)

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    done = vmm("run", str(image), "--record", str(path), "-t", "1s", preexec_fn=little_room)
    assert done.code == 126
    assert [line for line in done.err.splitlines() if line.startswith("vmm: ")] == [
        f"vmm: cannot write {path}: File too large"
    ]
    assert path.read_text() == "an older recording"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("run.rec")] == ["run.rec"]
