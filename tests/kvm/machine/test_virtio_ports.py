"""The console's ports from the host's side: sockets that come and go, and what is refused."""

from __future__ import annotations

import socket

import pytest

from vmm import ConfigError, Machine
from vmm.control import guest_run


def machine(**fields) -> Machine:
    return Machine(guest_run.config_of("virtio-rng"), rng=False, **fields)


def test_a_dead_process_leaves_a_socket_that_is_replaced(tmp_path):
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with machine(ports=(f"agent={path}",)):
        assert path.is_socket()
    assert not path.exists()


def test_a_living_one_is_not(tmp_path):
    path = tmp_path / "agent"
    with machine(ports=(f"agent={path}",)), pytest.raises(ConfigError, match=r"ports\[0\]: cannot listen"):
        machine(ports=(f"agent={path}",))


@pytest.mark.parametrize(
    ("ports", "fault"),
    [
        (("agent",), "NAME=PATH"), (("=x",), "NAME=PATH"), (("a=", "a="), "already"),
        (tuple(f"p{n}=" for n in range(16)), "15 at most"), (("a=/nowhere/at/all",), "cannot listen"),
        ((f"a=/tmp/{'x' * 120}",), "too long"),
    ],
)  # fmt: skip
def test_ports_that_cannot_be_are_refused(ports, fault):
    with pytest.raises(ConfigError, match=fault):
        machine(ports=ports)


def test_a_child_does_without_the_masters_socket(tmp_path):
    with machine(ports=(f"agent={tmp_path / 'agent'}",)) as master, master.fork() as child:
        assert child.config.ports == ("agent=",)
        master.resize_console(80, 25)
