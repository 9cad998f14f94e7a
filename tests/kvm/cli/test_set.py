"""`vmm set`: what a machine that runs may have is changed from another process."""

from __future__ import annotations

import json
import time

import pytest

SPIN = b"\xeb\xfe"


@pytest.fixture
def begin(vmm, runtime, image):
    """begin(*options): a machine that runs, once it listens; its PID."""

    def begin(*options: str) -> str:
        process = vmm.start("run", image(SPIN), "-t", "30", "-q", *options)
        path, end = runtime / f"{process.pid}.sock", time.monotonic() + 15
        while not path.exists():
            assert time.monotonic() < end, "it does not listen"
            time.sleep(0.02)
        return str(process.pid)

    return begin


@pytest.fixture
def rich(begin, tmp_path):
    """One with all that can be set."""
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(4096))
    later = ("-m", "16M", "--memory-max", "64M", "--balloon")
    return begin(*later, "--disk", f"{disk},operations=500", "--net", "none")


def test_what_stands_is_said_as_it_may_be_given_again(vmm, rich):
    ran = vmm("set", rich)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.decode().splitlines()
    assert [line.split()[0] for line in lines] == [
        "memory=16M", "balloon=0", "disk0.bandwidth=0", "disk0.operations=500", "disk0.burst=100ms",
        "net0.bandwidth=0", "net0.operations=0", "net0.burst=100ms",
    ]  # fmt: skip
    assert lines[0].endswith("the guest has 16 MiB; 16 MiB to 64 MiB can be asked for")
    assert lines[2].endswith("no limit")
    assert lines[3].endswith("requests a second")
    again = vmm("set", rich, *(line.split()[0] for line in lines))
    assert again.out == ran.out


def test_memory_balloon_disk_and_network_are_set_at_once(vmm, rich):
    words = ("memory=32M", "balloon=4M", "disk0.bandwidth=10M", "disk0.burst=2s", "net0.operations=100")
    found = json.loads(vmm("set", *words, "--json").out)
    assert found["machine"]["pid"] == int(rich)
    values = {name: setting["value"] for name, setting in found["settings"].items()}
    assert values == {
        "memory": 32 << 20, "balloon": 4 << 20,
        "disk0.bandwidth": 10 << 20, "disk0.operations": 500, "disk0.burst": 2 * 10**9,
        "net0.bandwidth": 0, "net0.operations": 100, "net0.burst": 10**8,
    }  # fmt: skip
    assert found["settings"]["memory"]["actual"] == 16 << 20, "this guest has no driver that takes more"


def test_who_waits_is_told_that_the_guest_has_not_done_it(vmm, rich):
    ran = vmm("set", rich, "memory=32M", "balloon=0", "disk0.operations=7", "--wait", "300ms")
    assert (ran.code, ran.err) == (124, "vmm: the guest has not made it so: memory\n")
    assert b"disk0.operations=7" in ran.out
    assert vmm("set", rich, "memory=16M", "net0.bandwidth=1M", "--wait", "10s").code == 0


def test_what_cannot_be_is_refused_with_every_fault_and_nothing_changes(vmm, rich):
    before = vmm("set", rich).out
    ran = vmm("set", rich, "memory=1G", "disk0.bandwith=1M", "net0.burst=2h", "disk1.operations=1", "balloon=0")
    assert (ran.code, ran.out) == (125, b"")
    assert ran.err.splitlines() == [
        "vmm: memory: it can be 16 MiB to 64 MiB, not 1 GiB; "
        "disk0.bandwith: there is no such setting, did you mean disk0.bandwidth?; "
        "net0.burst: limits are 0 or more a second, a burst an hour at most; "
        "disk1.operations: there is no such setting, did you mean disk0.operations?"
    ]
    for word, fault in (("operations=1", "no such setting"), ("memory=much", "not a size"), ("memory", "NAME=VALUE")):
        ran = vmm("set", rich, word)
        assert ran.code == 125
        assert fault in ran.err
    assert vmm("set", rich).out == before


def test_a_machine_without_says_how_to_start_one(vmm, begin):
    plain = begin()
    assert vmm("set", plain).out == b""
    for words, remedy in (
        ("memory=32M", "--memory-max"),
        ("balloon=1M", "--balloon"),
        ("disk0.operations=1", "virtio"),
    ):
        ran = vmm("set", plain, words)
        assert ran.code == 125
        assert remedy in ran.err
    assert "no machine is nobody" in vmm("set", "nobody", "memory=32M").err


def test_the_socket_takes_nothing_but_texts(vmm, rich, runtime):
    from vmm.control.live.sockets import ask

    for values in ({"memory": 5}, {"memory": None}, {"disk0": "1"}, {"": ""}, {".": "1"}, {"disk0.burst": ["1s"]}):
        assert "error" in json.loads(ask(str(runtime / f"{rich}.sock"), f"set {json.dumps({'values': values})}"))
    assert "error" in json.loads(ask(str(runtime / f"{rich}.sock"), "set []"))
