"""Debian's driver and our console with ports."""

from __future__ import annotations

import hashlib
import os
import socket
import threading

from vmm.units import KiB


def test_a_port_carries_bytes_both_ways_and_the_terminal_has_a_size(boot, with_virtio, tmp_path):
    path, content, heard = tmp_path / "agent.sock", os.urandom(256 * KiB), bytearray()

    def agent() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            while True:
                try:
                    line.connect(str(path))
                    break
                except OSError:
                    ended.wait(0.05)
            line.sendall(content)
            while len(heard) < len(content) and (piece := line.recv(1 << 16)):
                heard.extend(piece)

    ended = threading.Event()
    program = threading.Thread(target=agent)
    program.start()
    script = (
        "cat /sys/class/virtio-ports/vport*/name; exec 3<>/dev/vport0p1;"
        f"head -c {len(content)} <&3 >/tmp/all; md5sum /tmp/all; cat /tmp/all >&3;"
        "echo said on hvc0 >/dev/hvc0; sleep 1; poweroff -f"
    )
    outcome, output = boot(with_virtio, script, ports=(f"agent={path}",))
    program.join(10)
    ended.set()
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "agent" in output
    assert hashlib.md5(content).hexdigest() in output, output
    assert bytes(heard) == content
    assert not path.exists()
