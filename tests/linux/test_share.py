"""Shared directories and Linux: a guest that runs the host's programs from one, and builds in another.

By v9fs and our 9P server, or by virtiofs and virtiofsd."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from virtiofsd_here import needs_virtiofsd

from vmm.units import MiB

MOUNT = "mount -t 9p -o trans=virtio,version=9p2000.L,msize=500000"
KINDS = {
    "9p": (MOUNT, f"{MOUNT},ro,cache=loose", ",ro", ""),
    "virtiofs": ("mount -t virtiofs", "mount -t virtiofs -o ro", ",virtiofs", ",virtiofs"),
}
"""How they are mounted, for writing and for reading, and shared, for reading and for writing."""
WANTED = KINDS if os.environ.get("VMM_LINUX_MATRIX") == "full" else ["9p"]


@pytest.mark.parametrize("kind", WANTED)
def test_a_small_build_survives_in_a_shared_directory(boot, with_9p, tmp_path, kind):
    mount, mount_ro, read_only, writable = KINDS[kind]
    work = tmp_path / "work"
    work.mkdir()
    source = tmp_path / "source"
    subprocess.run(["git", "init", "-q", source], check=True)
    (source / "main.c").write_text("int main(void) { return 42; }\n")
    (source / "link").symlink_to("main.c")
    subprocess.run("git add . && git -c user.name=n -c user.email=e commit -qm one", shell=True, cwd=source, check=True)
    source.rename(work / "source")
    build = (
        "cd /work && git -c safe.directory=* clone -q source copy && cd copy && readlink link && "
        "git mv main.c program.c && ln -sf program.c link && mkdir -p a/b && tar cf a/b/all.tar program.c link && "
        "tar xf a/b/all.tar -C a && mv a c && ln c/program.c c/hard && chmod 640 c/hard && "
        "gcc -o program c/program.c; ./program; echo the program says $?; "
        "flock lock true && echo locked; "
        "echo one >grows; echo two >>grows; truncate -s 6 grows; touch -d @1000000000 grows; rm -r c/b; sync"
    )
    script = (
        f"cd /; mkdir -p r/usr r/dev r/tmp r/work; for name in bin lib lib64; do ln -s usr/$name r/$name; done;"
        f"{mount_ro} usr r/usr; {mount} work r/work; mount -t devtmpfs none r/dev;"
        f"chroot r /usr/bin/sh -c 'export HOME=/tmp PATH=/usr/bin; {build}'; poweroff -f"
    )
    outcome, output = boot(with_9p, script, memory=512 << 20, shares=(f"/usr:usr{read_only}", f"{work}:work{writable}"))
    copy = work / "copy"
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "the program says 42" in output, output
    assert "locked" in output, output
    assert os.readlink(copy / "link") == "program.c"
    assert (copy / "c/hard").samefile(copy / "c/program.c")
    assert (copy / "c/hard").stat().st_mode & 0o777 == 0o640
    assert ((copy / "grows").read_bytes(), (copy / "grows").stat().st_mtime) == (b"one\ntw", 1_000_000_000)
    assert not (copy / "c/b").exists()
    asked = ["git", "-C", copy, "-c", "safe.directory=*", "status", "--short"]
    assert "main.c" in subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def test_a_guest_cannot_leave_it_nor_write_where_it_may_only_read(boot, with_9p, tmp_path):
    shared, secret = tmp_path / "shared", tmp_path / "secret"
    shared.mkdir()
    secret.write_text("the host's")
    (shared / "out").symlink_to(secret)
    (shared / "file").write_text("kept")
    script = (
        f"mkdir /s; {MOUNT} share /s; cat /s/out; ls /s/..; echo x >/s/file; rm /s/file; mkdir /s/new;"
        f"ln -s {sys.executable} /s/link; cat /s/file; echo; poweroff -f"
    )
    outcome, output = boot(with_9p, script, shares=(f"{shared},ro",))
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "kept" in output
    assert "the host's" not in output
    assert output.count("Read-only file system") >= 4, output
    assert sorted(each.name for each in shared.iterdir()) == ["file", "out"]
    assert Path(shared / "file").read_text() == "kept"


@needs_virtiofsd
def test_files_by_virtiofsd_which_is_killed(linux, with_virtio, tmp_path):
    shared, secret, words = tmp_path / "shared", tmp_path / "secret", []
    shared.mkdir()
    secret.write_text("the host's")
    content = os.urandom(3 * MiB)
    (shared / "file").write_bytes(content)
    script = (
        "mkdir /s; mount -t virtiofs work /s && md5sum /s/file; cd /s; mkdir -p a/b; cp file a/b/copy; mv a/b c;"
        f"ln -s copy c/link; cat /s{secret} /s/../secret; ln c/copy c/hard; chmod 640 c/hard;"
        "echo one >grows; echo two >>grows; truncate -s 6 grows;"
        "touch -d @1000000000 grows; ls /s/..; sync; echo done;"
        "while ls /s/file >/dev/null 2>/said; do sleep 1; done;"
        "cat /said; poweroff -f"
    )
    with linux(with_virtio, script, shares=(f"{shared}:work,virtiofs",), warn=words.append) as machine:

        def heard(said: bytes) -> None:
            console.append(said)
            if b"done" in b"".join(console)[-20:]:
                os.kill(machine.device("virtio-fs0").device._engine._process.pid, signal.SIGKILL)

        console: list[bytes] = []
        machine.listen("com1", heard)
        outcome = machine.run(deadline=240)
    output = b"".join(console).decode(errors="replace")
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert hashlib.md5(content).hexdigest() in output, output
    assert "the host's" not in output
    assert "not connected" in output, output
    assert (shared / "c/copy").read_bytes() == content
    assert os.readlink(shared / "c/link") == "copy"
    assert (shared / "c/hard").samefile(shared / "c/copy")
    assert (shared / "c/hard").stat().st_mode & 0o777 == 0o640
    assert ((shared / "grows").read_bytes(), (shared / "grows").stat().st_mtime) == (b"one\ntw", 1_000_000_000)
    assert any("virtiofsd has ended: signal 9; its files answer with errors" in word for word in words), words
