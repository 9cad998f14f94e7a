"""`--stats-out FILE`: the file is whole or as it was, whatever stands in the way."""

from __future__ import annotations

import json
import os
import resource
import shutil
import stat
import subprocess

import pytest

from vmm.observe.statistics import ExitStatistics


def test_the_file_loads_as_statistics(vmm, code, image):
    ran = vmm("run", "--stats-out", "exits.json", image(code.say(b"hi"), code.exit(4)), check=False)
    assert (ran.code, ran.out, ran.err) == (4, b"hi", "")
    assert [path.name for path in vmm.cwd.iterdir()] == ["exits.json"]
    exits = ExitStatistics.from_json(json.loads((vmm.cwd / "exits.json").read_text()))
    assert exits["io.out[0x3f8]"].count == 2
    assert exits["io.out[0x3f8]"].device == "com1"


def test_an_older_file_is_replaced(vmm, code, image):
    target = vmm.cwd / "exits.json"
    target.write_text("old")
    assert vmm("run", "--stats-out", str(target), image(code.halt)).code == 0
    assert json.loads(target.read_text())["total"] == 1


def test_a_link_is_followed_and_stays(vmm, code, image, tmp_path):
    target, link = tmp_path / "target.json", vmm.cwd / "link.json"
    link.symlink_to(target)
    assert vmm("run", "--stats-out", "link.json", image(code.halt)).code == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())["total"] == 1


def test_a_device_is_written_to_and_not_replaced(vmm, code, image):
    assert vmm("run", "--stats-out", "/dev/null", image(code.halt)).code == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    ran = vmm("run", "--stats-out", "/dev/stdout", image(code.halt))
    assert json.loads(ran.out)["total"] == 1
    assert os.path.islink("/dev/stdout")


def test_a_full_device_is_told_after_the_run(vmm, code, image):
    ran = vmm("run", "--stats-out", "/dev/full", image(code.say(b"said"), code.exit(4)))
    assert ran == (126, b"said", "vmm: cannot write /dev/full: No space left on device\n")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_full_disk_keeps_the_older_file(vmm, code, image):
    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    target = vmm.cwd / "exits.json"
    target.write_text("old")
    ran = vmm("run", "--stats-out", "exits.json", image(code.halt), preexec_fn=no_room)
    assert (ran.code, ran.err) == (126, "vmm: cannot write exits.json: File too large\n")
    assert target.read_text() == "old"


def test_a_full_file_system_keeps_the_older_file_and_no_rest(vmm, code, image):
    probe = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("mounts of one's own need root or user namespaces here")
    commands = (
        'mount -t tmpfs -o size=8k none "$PWD" && cd "$PWD" && echo old >old.json && head -c 4096 /dev/zero >rest'
        ' && "$@"; echo $? && ls && cat old.json'
    )
    ran = vmm("run", "--stats-out", "old.json", image(code.say(bytes(range(40))), code.halt),
              prefix=("unshare", "--mount", "sh", "-c", commands, "sh"))  # fmt: skip
    assert ran.err == "vmm: cannot write old.json: No space left on device\n"
    assert ran.out == bytes(range(40)) + b"126\nold.json\nrest\nold\n"


def test_a_folder_without_permission_is_told_before_the_run(vmm, code, image, unprivileged):
    vmm.cwd.chmod(0o500)
    words = vmm.refused("run", "--stats-out", "exits.json", image(code.halt), prefix=unprivileged)
    assert words == "--stats-out: no permission to write exits.json"
