"""Shared directories and memory that comes later, from the host's side: what is refused, saved, and forked."""

from __future__ import annotations

import pytest

from vmm import ConfigError, Machine
from vmm.control import guest_run
from vmm.units import MiB


def machine(**fields) -> Machine:
    return Machine(guest_run.config_of("virtio-rng"), rng=False, **fields)


def test_sizes_between_what_it_started_with_and_the_most_can_be_asked_for():
    with machine(memory="8M", memory_max="64M") as one:
        assert one.memory.size == 8 * MiB, "what it starts with"
        assert one.memory.resize(21 * MiB) == 20 * MiB
        assert one.memory.plugged() == 0, "no driver has taken any"
        for size in (7 * MiB, 65 * MiB):
            with pytest.raises(ConfigError, match="8 MiB to 64 MiB"):
                one.memory.resize(size)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"memory_max": "4M", "memory": "8M"}, "2 MiB above"), ({"memory_max": "9M", "memory": "8M"}, "2 MiB above"),
        ({"memory_max": 1 << 50}, "at most"), ({"memory_max": "much"}, "much"), ({"memory_max": -1}, "at most"),
        ({"shares": ("/nowhere/at/all",)}, "No such file"), ({"shares": ("/dev/null",)}, "Not a directory"),
        ({"shares": ("/tmp:a", "/tmp:a")}, "already"), ({"shares": "/tmp"}, "a tuple"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(fields, fault):
    with pytest.raises(ConfigError, match=fault):
        machine(**fields)


def test_both_are_in_forks_and_snapshots(tmp_path):
    place = str(tmp_path / "a.snap")
    with machine(shares=(f"{tmp_path},ro",), memory="8M", memory_max="64M") as master:
        master.memory.resize(32 * MiB)
        with master.fork() as child:
            assert child.config.shares == master.config.shares
            assert child.memory.resize(64 * MiB) == 64 * MiB
        master.snapshot(place)
    with Machine.restore(place) as restored:
        assert restored.device("virtio-mem").device.requested == 24 * MiB
        assert restored.memory.size == 8 * MiB
    with Machine.restore(place, shares=(f"{tmp_path}",)) as restored:
        assert restored.config.shares == (str(tmp_path),)
