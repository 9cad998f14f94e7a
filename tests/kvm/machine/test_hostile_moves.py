"""A move whose other side lies: what comes over the wire is taken, or refused with words, and nothing else happens.

A real move is recorded; each case alters one thing in it, with checksums that are right again where that gets further.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
import time
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm import ConfigError, HostError, Machine, SnapshotError
from vmm.machine.moving import wire
from vmm.machine.moving.destination import Destination
from vmm.machine.saved.sealed import seal, unseal

REFUSALS = (SnapshotError, HostError, ConfigError)
COUNT = int(os.environ.get("VMM_HOSTILE_MOVES", "200"))


class Tap(wire.Wire):
    """Keeps what it hears."""

    heard = b""

    def _take(self, size: int) -> bytes:
        data = super()._take(size)
        self.heard += data
        return data


def waits(address: str) -> None:
    end = time.monotonic() + 20
    while not os.path.exists(address.removeprefix("unix:")):
        assert time.monotonic() < end, "nobody listens"
        time.sleep(0.001)


def called(address: str) -> socket.socket:
    waits(address)
    line = socket.socket(socket.AF_UNIX)
    line.connect(address.removeprefix("unix:"))
    return line


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """[(kind, content)] of a machine that moved."""
    place = str(tmp_path_factory.mktemp("move") / "line")
    taps = []

    def take() -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(place)
            listener.listen(1)
            taps.append(Tap(listener.accept()[0]))
        arriving = Destination(taps[0], {}, True)
        arriving.greet()
        arriving.receive()
        arriving.take()

    thread = threading.Thread(target=take)
    thread.start()
    waits(f"unix:{place}")
    with Machine(image=b"\xeb\xfe", mode="real", memory=1 << 20) as machine:
        machine.memory.write(0x5000, bytes(range(256)) * 32)
        machine.run(deadline=0.01)
        machine.migrate(f"unix:{place}")
    thread.join(20)
    taps[0].close()
    stream = taps[0].heard.removeprefix(wire.MAGIC)
    found = []
    while stream:
        kind, size, _ = wire.HEAD.unpack_from(stream)
        found.append((kind, stream[wire.HEAD.size : wire.HEAD.size + size]))
        stream = stream[wire.HEAD.size + size :]
    return found


def packed(frames) -> bytes:
    return wire.MAGIC + b"".join(
        wire.HEAD.pack(kind, len(content), crc32(content)) + content for kind, content in frames
    )


def arrive(address: str, stream: bytes) -> BaseException | None:
    """What Machine.receive() raises when that comes and the connection ends; None where it took the machine."""
    said: list[BaseException] = []

    def receive() -> None:
        try:
            Machine.receive(address).close()
        except BaseException as error:
            said.append(error)

    thread = threading.Thread(target=receive)
    thread.start()
    with called(address) as line, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        line.sendall(stream)
        line.shutdown(socket.SHUT_WR)
        while line.recv(1 << 16):
            pass
    thread.join(20)
    assert not thread.is_alive(), "it waits for ever"
    return said[0] if said else None


def open_files() -> list[str]:
    """What the process holds open, by what it is; what earlier tests left in circles is none of it."""
    gc.collect()
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the folder itself
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
    return sorted(found)


def altered(frames, data) -> bytes:
    """The stream with one thing changed."""
    frames, at = list(frames), data.draw(st.integers(0, len(frames) - 1))
    kind, content = frames[at]
    manner = data.draw(st.sampled_from(("bytes", "cut", "drop", "twice", "swap", "kind", "content", "state", "pages")))
    if manner in ("bytes", "cut"):
        stream = bytearray(packed(frames))
        place = data.draw(st.integers(0, len(stream) - 1))
        if manner == "cut":
            return bytes(stream[:place])
        odd = data.draw(st.binary(min_size=1, max_size=12))
        stream[place : place + len(odd)] = odd
        return bytes(stream)
    if manner == "drop":
        del frames[at]
    elif manner == "twice":
        frames.insert(at, frames[at])
    elif manner == "swap":
        frames[at], frames[at - 1] = frames[at - 1], frames[at]
    elif manner == "kind":
        frames[at] = data.draw(st.sampled_from(wire._KINDS)), content
    elif manner == "content":
        frames[at] = kind, data.draw(st.binary(max_size=40)) + content[data.draw(st.integers(0, len(content))) :]
    elif manner == "pages":
        offset = data.draw(st.sampled_from((0, 4096, 1 << 20, 1 << 63, (1 << 64) - 4096, 1)))
        frames.insert(1, (wire.PAGES, offset.to_bytes(8, "little") + bytes(4096 * data.draw(st.integers(0, 300)))))
    else:  # a member of the first or the last state
        at = data.draw(st.sampled_from([n for n, (kind, _) in enumerate(frames) if kind in (wire.HELLO, wire.STATE)]))
        document = unseal("vmm-snapshot", frames[at][1], "it")
        name = data.draw(st.sampled_from(sorted(document)))
        document[name] = data.draw(st.sampled_from((None, 0, -1, 1 << 70, "", [], {}, [[0, 0]], {"a": 1})))
        frames[at] = frames[at][0], seal("vmm-snapshot", document)
    return packed(frames)


def test_a_move_as_it_was_is_taken(frames, tmp_path):
    assert arrive(f"unix:{tmp_path / 'line'}", packed(frames)) is None


def test_a_move_with_anything_changed_is_refused_or_taken_but_nothing_else(frames, tmp_path):
    before = open_files()

    @settings(max_examples=COUNT, database=None, deadline=None)
    @given(data=st.data())
    def changed(data):
        error = arrive(f"unix:{tmp_path / 'line'}", altered(frames, data))
        if error is not None and not isinstance(error, REFUSALS):
            raise error

    changed()
    assert open_files() == before
