"""Debian's driver and our network cards, in a network namespace of the test's own: over a tap, and over passt."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from pathlib import Path
from threading import Thread

import pytest
from network_namespace import network_namespace, why_not

from vmm.units import MiB

SIZE = int(os.environ.get("VMM_NETWORK_MIB", "8"))
"""MiB each way: an emulated CPU takes the better part of a second for one."""
DEADLINE = 60.0 + 4 * SIZE
"""Seconds."""
pytestmark = pytest.mark.timeout(60 + DEADLINE)
needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=why_not())
needs_passt = pytest.mark.skipif(not shutil.which("passt"), reason="needs passt: apt install passt")


class Peer(Thread):
    """A server of the host's: sends `size` MiB on one port and takes what comes on another."""

    def __init__(self, address: str, size: int) -> None:
        super().__init__(daemon=True)
        self.giver, self.taker = (socket.create_server((address, port)) for port in (7001, 7002))
        self.content = os.urandom(size * MiB)
        self.got = hashlib.md5()

    def run(self) -> None:
        with self.giver, self.giver.accept()[0] as peer:
            peer.sendall(self.content)
        with self.taker, self.taker.accept()[0] as peer:
            while data := peer.recv(MiB):
                self.got.update(data)


def ip(*lines: str) -> None:
    for words in lines:
        subprocess.run(["ip", *words.split()], check=True)


def script(set_up: str, peer: str) -> str:
    """A guest that pings, takes what the peer has and gives it back. It keeps its end of the connection open meanwhile:
    Debian 12's passt repeats itself to one that does not."""
    return (
        f"ip link set lo up; {set_up}; ping -c 2 -W 5 {peer} >/dev/null && echo alive;"
        f"nc {peer} 7001 </dev/console >/tmp/content; nc {peer} 7002 </tmp/content; poweroff -f"
    )


def check(outcome, output: str, peer: Peer) -> None:
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "alive" in output, output
    peer.join(10)
    assert peer.got.digest() == hashlib.md5(peer.content).digest()


@needs_namespaces
@pytest.mark.parametrize(("virtio", "queues", "size"), [("mmio", 1, SIZE), ("pci", 2, 4)])
def test_a_tap(boot, with_virtio, virtio, queues, size):
    many = " multi_queue" * (queues > 1)
    with network_namespace():
        ip(f"tuntap add tap0 mode tap{many}", "addr add 10.9.0.1/24 dev tap0", "link set tap0 up", "link set lo up")
        peer = Peer("10.9.0.1", size)
        peer.start()
        outcome, output = boot(
            with_virtio, script("ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up", "10.9.0.1"), virtio=virtio,
            networks=(f"tap=tap0,queues={queues},mac=52:54:00:00:00:09",), vcpus=queues, memory=512 * MiB,
            deadline=DEADLINE,
        )  # fmt: skip
    check(outcome, output, peer)


@needs_namespaces
def test_a_tap_that_is_removed(linux, with_virtio):
    """The host is told, the guest sees its link go down, and ends by itself."""
    script = (
        "ip link set eth0 up; echo carrier $(cat /sys/class/net/eth0/carrier);"
        "while grep -q 1 /sys/class/net/eth0/carrier; do sleep 0.1; done; echo no carrier; poweroff -f"
    )
    words: list[str] = []
    with network_namespace():
        ip("tuntap add tap0 mode tap", "link set tap0 up")
        with linux(with_virtio, script, networks=("tap=tap0",), warn=words.append) as machine:
            machine.start(deadline=DEADLINE)
            while b"carrier 1" not in machine.console_output and machine.wait(0.1) is None:
                pass
            ip("link delete tap0")
            outcome = machine.wait(DEADLINE)
            output = machine.console_output.decode()
    assert outcome is not None, output
    assert outcome.kind == "power-off", output
    assert "no carrier" in output, output
    assert words == ["virtio-net0: the tap tap0 was removed; the guest's link is down"]


@needs_namespaces
@needs_passt
def test_passt(boot, with_virtio):
    """On a host whose one way out leads nowhere: what the guest reaches is another address of the host itself."""
    with network_namespace():
        ip("tuntap add up0 mode tap", "addr add 10.8.0.5/24 dev up0", "link set up0 up", "link set lo up",
           "addr add 10.7.0.1/32 dev lo", "route add default via 10.8.0.1")  # fmt: skip
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")  # who may ping without privileges
        peer = Peer("10.7.0.1", SIZE)
        peer.start()
        set_up = "ip link set eth0 up; ip addr add 10.8.0.5/24 dev eth0; ip route add default via 10.8.0.1"
        outcome, output = boot(
            with_virtio, script(set_up, "10.7.0.1"), networks=("user",), memory=512 * MiB, deadline=DEADLINE
        )
    check(outcome, output, peer)
