"""Debian's driver and our network cards: over a tap in a network namespace of the test's own, and over passt."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from threading import Thread

import pytest
from network_namespace import network_namespace, why_not

from vmm.units import MiB

SIZE = int(os.environ.get("VMM_NETWORK_MIB", "20"))
"""MiB each way: an emulated CPU takes a second for one."""
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


def script(set_up: str, peer: str) -> str:
    """A guest that pings, takes what the peer has and gives it back."""
    return (
        f"ip link set lo up; {set_up}; ping -c 2 -W 5 {peer} >/dev/null && echo alive;"
        f"nc {peer} 7001 </dev/null >/tmp/content; nc {peer} 7002 </tmp/content; poweroff -f"
    )


def check(outcome, output: str, peer: Peer) -> None:
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "alive" in output, output
    peer.join(10)
    assert peer.got.digest() == hashlib.md5(peer.content).digest()


@needs_namespaces
@pytest.mark.parametrize(("virtio", "queues", "size"), [("mmio", 1, SIZE), ("pci", 2, 4)])
def test_a_tap(boot, with_virtio, virtio, queues, size):
    many = ["multi_queue"] if queues > 1 else []
    with network_namespace():
        for words in (
            ["tuntap", "add", "tap0", "mode", "tap", *many], ["addr", "add", "10.9.0.1/24", "dev", "tap0"],
            ["link", "set", "tap0", "up"], ["link", "set", "lo", "up"],
        ):  # fmt: skip
            subprocess.run(["ip", *words], check=True)
        peer = Peer("10.9.0.1", size)
        peer.start()
        outcome, output = boot(
            with_virtio, script("ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up", "10.9.0.1"), virtio=virtio,
            networks=(f"tap=tap0,queues={queues},mac=52:54:00:00:00:09",), vcpus=queues, memory=512 * MiB,
        )  # fmt: skip
    check(outcome, output, peer)


@needs_namespaces
@needs_passt
def test_passt(boot, with_virtio):
    with network_namespace():
        for words in (
            ["tuntap", "add", "up0", "mode", "tap"], ["addr", "add", "10.8.0.5/24", "dev", "up0"],
            ["link", "set", "up0", "up"], ["route", "add", "default", "via", "10.8.0.1"], ["link", "set", "lo", "up"],
        ):  # fmt: skip
            subprocess.run(["ip", *words], check=True)
        peer = Peer("127.0.0.1", SIZE)
        peer.start()
        set_up = "ip link set eth0 up; ip addr add 10.8.0.5/24 dev eth0; ip route add default via 10.8.0.1"
        outcome, output = boot(
            with_virtio, script(set_up, "10.8.0.1"), networks=("user,forward=7003:7003",), memory=512 * MiB
        )
    check(outcome, output, peer)
