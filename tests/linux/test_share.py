"""Linux' v9fs and our 9P server: a guest that runs the host's programs from one directory, and builds in another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MOUNT = "mount -t 9p -o trans=virtio,version=9p2000.L,msize=500000"


def test_a_small_build_survives_in_a_shared_directory(boot, with_9p, tmp_path):
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
        f"{MOUNT},ro,cache=loose usr r/usr; {MOUNT} work r/work; mount -t devtmpfs none r/dev;"
        f"chroot r /usr/bin/sh -c 'export HOME=/tmp PATH=/usr/bin; {build}'; poweroff -f"
    )
    outcome, output = boot(with_9p, script, memory=512 << 20, shares=("/usr:usr,ro", f"{work}:work"))
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
