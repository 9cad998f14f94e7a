"""A real passt with the host's own TCP as the guest: frames go between it and a tap in another network namespace."""

from __future__ import annotations

import os
import select
import socket
import subprocess
from threading import Event, Thread

import passt_here
import pytest
from network_namespace import network_namespace, why_not

from vmm.backends.passt import MTU, Passt
from vmm.backends.tap import Tap
from vmm.bus.network import LinkLost
from vmm.units import MiB

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.skipif(bool(passt_here.why_not()), reason=passt_here.why_not()),
]
GATEWAY, GUEST = "10.8.0.1", "10.8.0.5"


def ip(*lines: str) -> None:
    for words in (*lines, f"route add default via {GATEWAY}"):
        subprocess.run(["ip", *words.split()], check=True)


class Relay(Thread):
    """Plays the card and the reactor: looks only when epoll's edges say so."""

    def __init__(self, passt: Passt, tap: Tap) -> None:
        super().__init__()
        self.passt, (self.tap,) = passt, tap.links
        self.over = Event()

    def run(self) -> None:
        with select.epoll() as epoll:
            epoll.register(self.passt.fd, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
            epoll.register(self.tap.fd, select.EPOLLIN | select.EPOLLET)
            held, room = b"", bytearray(70_000)
            while not self.over.is_set():
                epoll.poll(0.2)
                self.passt.flush()
                while size := self.passt.need():
                    frame = memoryview(bytearray(size))
                    self.passt.receive_into([frame])
                    self.tap.send_from([frame])
                while held or (size := self.tap.receive_into([memoryview(room)])):
                    held = held or bytes(room[:size])
                    if not self.passt.send_from([memoryview(held)[:5], memoryview(held)[5:]]):
                        break
                    held = b""


def test_streams_both_ways_and_a_forwarded_port():
    content = os.urandom(MiB) * 10
    with network_namespace():
        ip("tuntap add up0 mode tap", f"addr add {GUEST}/24 dev up0", "link set up0 up", "link set lo up")
        passt = Passt(["7003:7003"])
        server = socket.create_server(("127.0.0.1", 7001))
        knock = socket.socket()
        with network_namespace():
            tap = Tap("tap0")
            ip(f"addr add {GUEST}/24 dev tap0", f"link set tap0 mtu {MTU}", "link set tap0 up")
            inside = socket.socket()
            door = socket.create_server((GUEST, 7003))
    relay = Relay(passt, tap)
    tap.links[0]._need = 70_000
    relay.start()
    try:
        for each in (inside, knock, server, door):
            each.settimeout(20)
        inside.connect((GATEWAY, 7001))
        exchange(server.accept()[0], inside, content)
        knock.connect(("127.0.0.1", 7003))
        knock.sendall(b"knock")  # with which passt tells the guest that the connection stands
        with door.accept()[0] as guest:
            assert guest.recv(100) == b"knock"
    finally:
        relay.over.set()
        relay.join()
        for each in (inside, knock, server, door, passt, tap):
            each.close()
    with pytest.raises((LinkLost, OSError)):
        passt.need()


def exchange(near: socket.socket, far: socket.socket, content: bytes) -> None:
    """Each sends `content`, one after the other."""
    with near:
        near.settimeout(20)
        for giver, taker in ((near, far), (far, near)):
            sender = Thread(target=giver.sendall, args=(content,))
            sender.start()
            got = bytearray()
            while len(got) < len(content):
                got += taker.recv(MiB)
            sender.join()
            assert bytes(got) == content
