"""Sockets between programs in Debian's Linux and programs on the host: megabytes there and back, both ways round."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from vmm.units import MiB

pytestmark = pytest.mark.timeout(300)
SIZE = int(os.environ.get("VMM_LINUX_MATRIX") == "full") * 9 * MiB + MiB
"""Each way; 10 MiB in the full run."""


def echoed(end: socket.socket, data: bytes) -> bytes:
    """What comes back for `data`, up to the end."""
    end.settimeout(120)

    def send() -> None:
        end.sendall(data)
        end.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    found = bytearray()
    while part := end.recv(1 << 16):
        found += part
    sender.join()
    return bytes(found)


def test_an_echo_in_the_guest_and_one_on_the_host(linux, with_virtio, tmp_path):
    path, data = str(tmp_path / "v"), os.urandom(SIZE)
    script = (
        "vsock -e 99 & vsock 52 </dev/null; wait;"
        "head -c 100000 /dev/urandom >file; vsock 53 <file >back; cmp file back && echo same; vsock 54 </dev/null;"
        "echo refused $?; poweroff -f"
    )
    with (
        socket.socket(socket.AF_UNIX) as ready,
        socket.socket(socket.AF_UNIX) as echo,
        linux(with_virtio, script, vsock=f"5,{path}") as machine,
    ):
        for listener, port in ((ready, 52), (echo, 53)):
            listener.settimeout(120)
            listener.bind(f"{path}_{port}")
            listener.listen()
        machine.start(deadline=240)
        ready.accept()[0].close()  # the guest is up, and listens
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(path)
            end.sendall(b"CONNECT 99\n")
            assert end.recv(3) == b"OK "
            while end.recv(1) != b"\n":
                pass
            assert echoed(end, data) == data
        with echo.accept()[0] as end:
            end.settimeout(120)
            while part := end.recv(1 << 16):
                end.sendall(part)
        outcome = machine.wait(120)
        output = machine.console_output.decode()
    assert outcome is not None, output
    assert outcome.kind == "power-off"
    assert "same" in output
    assert "refused 1" in output
