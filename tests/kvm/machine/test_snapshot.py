"""A machine saved to a file and made again from it: whole, by differences, squashed, damaged, and cut off."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmm import ConfigError, HostError, Machine, SnapshotError
from vmm.machine.saved import files, sealed
from vmm.machine.saved.squash import squash
from vmm.memory import pages
from vmm.units import GiB, KiB, MiB

KILLS = int(os.environ.get("VMM_KILLS", "150"))
"""How often a process is killed at a random moment of writing."""
COUNT = "xor %eax, %eax \n 1: incl 0x3000 \n cmpl $0, 0x3010 \n je 1b \n mov $0x11, %al \n out %al, $0xf4"


def image_of(path: Path) -> Path:
    """The one memory image beside a snapshot."""
    (found,) = path.parent.glob(f"{path.name}.*.memory")
    return found


def content(machine: Machine) -> list[bytes]:
    return [machine.memory.read(region.span.start, region.span.size) for region in machine.memory.regions]


@pytest.fixture
def counter(guest):
    machine = guest(COUNT)
    machine.run(deadline=0.05)
    machine.memory.write(0x10_0000, os.urandom(3 * 4096))
    return machine


@pytest.fixture
def restored():
    machines = []

    def restore(path, **options) -> Machine:
        machines.append(Machine.restore(str(path), **options))
        return machines[-1]

    yield restore
    for machine in machines:
        machine.close()


def test_memory_and_registers_are_the_same_byte_for_byte(counter, restored, tmp_path):
    path = tmp_path / "a.snap"
    counter.snapshot(str(path))
    other = restored(path)
    assert content(other) == content(counter)
    assert other.registers() == counter.registers()
    assert other.special_registers() == counter.special_registers()
    assert other.state == "created"
    other.memory.write_int(0x3010, 4, 1)
    assert other.run(deadline=5.0).value == 0x11
    assert counter.memory.read_int(0x3010, 4) == 0


def test_a_running_machine_is_saved_and_runs_on(guest, restored, soon, tmp_path):
    machine = guest(COUNT)
    machine.start()
    assert soon(lambda: machine.memory.read_int(0x3000, 4) > 0)
    machine.snapshot(str(tmp_path / "a.snap"))
    other = restored(tmp_path / "a.snap")
    saved = other.memory.read_int(0x3000, 4)
    assert soon(lambda: machine.memory.read_int(0x3000, 4) > saved)
    other.start()
    assert soon(lambda: other.memory.read_int(0x3000, 4) > saved)


def test_a_gibibyte_with_64_mebibytes_used_takes_no_more_than_80(guest, tmp_path):
    machine = guest("hlt", memory=GiB)
    for at in range(64):
        machine.memory.write(16 * MiB * at + MiB, os.urandom(MiB))
    machine.snapshot(str(tmp_path / "a.snap"))
    taken = sum(each.stat().st_blocks * 512 for each in tmp_path.iterdir())
    assert 64 * MiB <= taken <= 80 * MiB


def test_a_restored_machine_reads_only_what_it_touches(guest, restored, tmp_path):
    machine = guest("hlt", memory=256 * MiB)
    for at in range(64):
        machine.memory.write(4 * MiB * at, bytes(range(256)) * 4096)
    machine.snapshot(str(tmp_path / "a.snap"))

    def anonymous() -> int:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Anonymous")).split()[1]) * KiB

    before = anonymous()
    restored(tmp_path / "a.snap")
    assert anonymous() - before < 4 * MiB


def test_what_was_touched_first_is_brought_in_the_next_time(guest, restored, tmp_path):
    text = """
        xor %ecx, %ecx
    1:  mov $0x200000, %edi
    2:  mov (%edi), %eax
        add $0x10000, %edi
        cmp $0x1000000, %edi
        jb 2b
        movl $1, 0x3000
        cmpl $0, 0x3010
        je 1b
        hlt
    """
    machine = guest(text, "protected", memory=64 * MiB)
    machine.run(deadline=0.05)
    for at in range(0, 64 * MiB, 0x10000):
        machine.memory.write(at + 0x8000, b"x" * 8)
        machine.memory.write(at, b"y" * 8) if at >= 2 * MiB else None
    machine.snapshot(str(tmp_path / "a.snap"))
    first = restored(tmp_path / "a.snap")
    before = sum(size for _, size in pages.present_runs(first.memory.mappings[0]))
    assert first.run(deadline=1.0).kind == "deadline"
    (note,) = tmp_path.glob("*.touched")
    second = restored(tmp_path / "a.snap")
    after = sum(size for _, size in pages.present_runs(second.memory.mappings[0]))
    assert after > before + 200 * 4096
    note.write_bytes(b"nonsense")
    restored(tmp_path / "a.snap").run(deadline=1.0)
    assert note.read_bytes().startswith(b"vmm-touched 1 ")
    first.snapshot(str(tmp_path / "a.snap"))
    assert not list(tmp_path.glob("*.touched"))


def test_differences_add_up_and_are_small(counter, restored, tmp_path):
    base, second, third = (tmp_path / f"{name}.snap" for name in "abc")
    counter.snapshot(str(base), track=True)
    counter.memory.write(0x12_0000, b"host")
    counter.run(deadline=0.02)
    counter.snapshot(str(second), differential=True, track=True)
    counter.memory.write(0x13_0000, bytes(4096))
    counter.memory.write(0x10_0000, bytes(4096))  # zeroes over what the first has
    counter.snapshot(str(third), differential=True)
    assert image_of(second).stat().st_blocks * 512 < 64 * KiB
    other = restored(third)
    assert content(other) == content(counter)
    assert other.registers() == counter.registers()
    with pytest.raises(ConfigError, match="take that one with track"):
        counter.snapshot(str(tmp_path / "d.snap"), differential=True)


def test_a_restored_machine_knows_what_it_has_written(counter, restored, tmp_path):
    counter.snapshot(str(tmp_path / "a.snap"))
    other = restored(tmp_path / "a.snap")
    other.run(deadline=0.02)
    other.memory.write(0x14_0000, b"more")
    other.snapshot(str(tmp_path / "b.snap"), differential=True)
    assert image_of(tmp_path / "b.snap").stat().st_blocks * 512 < 64 * KiB
    assert content(restored(tmp_path / "b.snap")) == content(other)


def test_a_chain_becomes_one_and_what_adds_to_it_still_does(counter, restored, tmp_path):
    for name in "abc":
        counter.snapshot(str(tmp_path / f"{name}.snap"), track=True, differential=name != "a")
        counter.run(deadline=0.01)
    before = content(restored(tmp_path / "c.snap"))
    id = files.read(str(tmp_path / "b.snap")).id
    assert squash(str(tmp_path / "b.snap"), str(tmp_path / "b.snap")) == id
    for each in tmp_path.glob("a.snap*"):
        each.unlink()
    assert content(restored(tmp_path / "c.snap")) == before


def test_a_snapshot_does_not_take_its_parent_s_place(counter, tmp_path):
    counter.snapshot(str(tmp_path / "a.snap"), track=True)
    with pytest.raises(ConfigError, match="another name"):
        counter.snapshot(str(tmp_path / "a.snap"), differential=True)


def test_a_broken_chain_is_named(counter, tmp_path):
    base, second = tmp_path / "a.snap", tmp_path / "b.snap"
    counter.snapshot(str(base), track=True)
    counter.snapshot(str(second), differential=True)
    counter.snapshot(str(base))
    with pytest.raises(SnapshotError, match=r"adds to snapshot .* is .* by now"):
        Machine.restore(str(second))
    base.unlink()
    with pytest.raises(SnapshotError, match=r"adds to another snapshot: cannot read .*a\.snap"):
        Machine.restore(str(second))


DAMAGE = {
    "cut": (lambda header, _: header.write_bytes(header.read_bytes()[:-10]), "was cut"),
    "empty": (lambda header, _: header.write_bytes(b""), "does not begin like a saved machine"),
    "another file": (lambda header, _: header.write_bytes(b"\x7fELF" * 100), "does not begin like a saved machine"),
    "altered": (
        lambda header, _: header.write_bytes(header.read_bytes().replace(b'"guest_ns"', b'"guest-ns"')),
        "was altered: its checksum",
    ),
    "newer": (
        lambda header, _: header.write_bytes(header.read_bytes().replace(b"vmm-snapshot 1", b"vmm-snapshot 2", 1)),
        "written by a newer vmm: its version is 2, this one reads 1",
    ),
    "older": (
        lambda header, _: header.write_bytes(header.read_bytes().replace(b"vmm-snapshot 1", b"vmm-snapshot 0", 1)),
        "written by an older vmm",
    ),
    "memory gone": (lambda _, image: image.unlink(), "memory of the snapshot cannot be read"),
    "memory cut": (lambda _, image: os.truncate(image, 4096), "was cut: 4096 bytes instead of"),
    "memory altered": (lambda _, image: poke(image, 0x10_0800), "was altered: the 12288 bytes from 0x100000"),
    "memory altered in a hole": (lambda _, image: poke(image, 0x15_0000), "there are bytes from 0x150000"),
    "memory of another": (lambda _, image: poke(image, image.stat().st_size - 4090), "memory of another snapshot"),
}


def poke(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_refused_in_words(counter, tmp_path, how):
    path = tmp_path / "a.snap"
    counter.snapshot(str(path))
    do, words = DAMAGE[how]
    do(path, image_of(path))
    with pytest.raises(SnapshotError, match=words):
        Machine.restore(str(path))


def test_a_copy_is_read_through_once_and_is_as_good(counter, restored, tmp_path):
    path = tmp_path / "a.snap"
    counter.snapshot(str(path))
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for each in (path, image_of(path)):
        (copy / each.name).write_bytes(each.read_bytes())
    assert content(restored(copy / "a.snap")) == content(counter)


def resealed(path: Path, change) -> None:
    """The file with a change to its document, sealed again."""
    document = sealed.unseal("vmm-snapshot", path.read_bytes(), "")
    change(document)
    path.write_bytes(sealed.seal("vmm-snapshot", document))


def test_what_this_host_lacks_is_listed(counter, tmp_path):
    path = tmp_path / "a.snap"
    counter.snapshot(str(path))

    def ask_more(document) -> None:
        document["needs"]["features"] += ["amx_tile", "v_spec_ctrl"]
        document["needs"]["capabilities"]["KVM_CAP_MAX_VCPUS"] = 1 << 20

    resealed(path, ask_more)
    with pytest.raises(SnapshotError) as refused:
        Machine.restore(str(path))
    for words in ("the CPU feature amx_tile", "the CPU feature v_spec_ctrl", "KVM_CAP_MAX_VCPUS (", "1048576 needed"):
        assert words in str(refused.value)


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for at, each in enumerate(value[:4]):
            yield from leaves(each, (*path, at))
    yield path


EMULATED = "TCG" in Path("/proc/cpuinfo").read_text()
"""A CPU on which Python takes ten times as long."""
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.text(max_size=8), st.just([]), st.just({}),
    st.just({"base64": "AAAA"}), st.just({"base64": "!"}), st.floats(allow_nan=False),
    st.just({"schema": "vmm.kvm", "version": 1, "fields": {}}),
)  # fmt: skip


@settings(max_examples=25 if EMULATED else 150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_document_with_any_member_changed_is_refused_or_restored_but_nothing_else(guest, tmp_path, data):
    path = tmp_path / "a.snap"
    if not path.exists():
        machine = guest(COUNT)
        machine.run(deadline=0.01)
        machine.snapshot(str(path))
    document = sealed.unseal("vmm-snapshot", path.read_bytes(), "")
    (*above, last) = data.draw(st.sampled_from([place for place in leaves(document) if place]))
    target = document
    for step in above:
        target = target[step]
    target[last] = data.draw(ODD)
    changed = tmp_path / "changed.snap"
    changed.write_bytes(sealed.seal("vmm-snapshot", json.loads(json.dumps(document))))
    with contextlib.suppress(SnapshotError, ConfigError, HostError):
        Machine.restore(str(changed)).close()


@settings(max_examples=200)
@given(content=st.binary(max_size=400), head=st.sampled_from([b"", b"vmm-snapshot 1 sha256=", b"vmm-snapshot "]))
def test_any_bytes_are_refused(content, head):
    with pytest.raises(SnapshotError):
        files.Snapshot.from_bytes(head + content, "it")


def test_only_the_host_s_side_of_a_saved_machine_may_be_changed(counter, restored, tmp_path):
    counter.snapshot(str(tmp_path / "a.snap"))
    heard = []
    restored(tmp_path / "a.snap", console=heard.append)
    with pytest.raises(ConfigError, match="memory"):
        Machine.restore(str(tmp_path / "a.snap"), memory=4 * MiB)
    with pytest.raises(ConfigError, match=r'"still" or "on"'):
        Machine.restore(str(tmp_path / "a.snap"), clock="off")


def test_a_disk_kept_in_memory_is_saved_and_a_file_must_be_there(restored, tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(b"\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa" + bytes(99 * 512))
    path = tmp_path / "a.snap"
    with Machine(hda=f"{disk},overlay") as machine:
        machine._board.drives["hda"].write(5 * 512, b"changed".ljust(512))
        machine.snapshot(str(path))
    assert restored(path)._board.drives["hda"].read(5 * 512, 7) == b"changed"
    disk.rename(tmp_path / "moved")
    assert restored(path, hda=f"{tmp_path / 'moved'},overlay")._board.drives["hda"].read(5 * 512, 7) == b"changed"
    with pytest.raises(ConfigError, match="hda: cannot open"):
        Machine.restore(str(path))
    with pytest.raises(SnapshotError, match="open it so"):
        Machine.restore(str(path), hda=str(tmp_path / "moved"))


def test_a_disk_that_was_written_to_since_is_refused_unless_it_is_named_again(restored, tmp_path):
    disk, path = tmp_path / "disk", tmp_path / "a.snap"
    disk.write_bytes(b"\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa" + bytes(99 * 512))
    with Machine(hda=str(disk), disks=(f"{disk},ro",)) as machine:
        machine._board.drives["hda"].write(5 * 512, b"before".ljust(512))
        machine.snapshot(str(path))
    restored(path).close()
    changed = os.stat(disk).st_mtime_ns
    with disk.open("r+b") as file:
        file.write(b"\xeb")
    os.utime(disk, ns=(changed + 1, changed + 1))  # within a tick of the host's clock it would be the same time
    with pytest.raises(SnapshotError, match=r"hda: .*written to since; if that is meant, name it again"):
        Machine.restore(str(path))
    with pytest.raises(SnapshotError, match=r"disks\[0\]: .*written to since"):
        Machine.restore(str(path), hda=str(disk))
    assert restored(path, hda=str(disk), disks=(f"{disk},ro",))._board.drives["hda"].read(5 * 512, 6) == b"before"


def test_where_nothing_can_be_written_nothing_has_changed(counter, restored, tmp_path):
    path = tmp_path / "a.snap"
    counter.snapshot(str(path))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(HostError, match="cannot write"):
        counter.snapshot(str(tmp_path / "none" / "a.snap"))
    fault = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100 << 10, 100 << 10))"
    program = f"""
import signal, sys
{fault}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from vmm import HostError, Machine
with Machine(image=b"\\xf4", mode="real") as machine:
    machine.memory.write(0x8000, b"x" * 300000)
    try:
        machine.snapshot({str(path)!r})
    except HostError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "File too large; nothing has changed" in done.stdout
    assert sorted(tmp_path.iterdir()) == before
    assert content(restored(path)) == content(counter)


WRITER = """
    path, seed = sys.argv[1], 0
    with Machine(image=b"\\xf4", mode="real", memory="4M") as machine:
        while True:
            seed += 1
            machine.memory.write(0x8000, seed.to_bytes(4096, "little") * 100)
            machine.snapshot(path)
            if seed == 1:
                print("there", flush=True)
"""


@pytest.fixture
def quick_folder(tmp_path):
    """In memory, where there is a place for that: what a kill leaves does not depend on the disk, but syncing does."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_a_kill_at_any_moment_leaves_a_good_snapshot(quick_folder, nursery, patience):
    """Writers (a few on an emulated CPU), each killed while it writes one snapshot after the other in one place."""
    path = quick_folder / "a.snap"
    children = nursery(WRITER, str(path))
    for _ in range(KILLS if patience == 1 else KILLS // 15):
        child = children.make()
        assert children.line() == "there"
        time.sleep(random.uniform(0, 0.026))
        os.kill(child, signal.SIGKILL)
        with Machine.restore(str(path), verify=True) as machine:
            written = machine.memory.read(0x8000, 4096 * 100)
            assert written == written[:4096] * 100
    for _ in range(50):  # one who was just killed holds its files until it is gone
        with Machine.restore(str(path)) as machine:
            machine.snapshot(str(path))
        if len(left := list(quick_folder.iterdir())) == 2:
            break
        time.sleep(0.1)
    assert len(left) == 2  # what the dead have left is gone


def test_guest_time_stands_still_or_goes_on_as_chosen(guest, tmp_path):
    path = str(tmp_path / "a.snap")
    machine = guest("1: jmp 1b")
    machine.run(deadline=0.1)
    machine.snapshot(path)
    then = machine.capture().guest_ns
    time.sleep(0.6)
    for clock, passed in (("still", range(50_000_000)), ("on", range(600_000_000, 60_000_000_000))):
        with Machine.restore(path, clock=clock) as restored:
            assert restored.capture().guest_ns - then in passed


def test_who_listens_to_a_restored_machine_or_a_child_hears_it(guest, restored, tmp_path):
    machine = guest("mov $'a', %al; mov $0x3f8, %dx; out %al, %dx; 1: jmp 1b")
    machine.run(deadline=0.1)
    machine.memory.write(0x7000, b"\xee\xee\xf4")  # out, out, hlt
    machine.set_registers(rip=0x7000)
    machine.snapshot(str(tmp_path / "a.snap"))
    for other in (restored(tmp_path / "a.snap"), machine.fork()):
        heard = bytearray()
        other.listen("com1", heard.extend)
        other.run(deadline=0.2)
        assert heard == b"aa"
        other.close()
