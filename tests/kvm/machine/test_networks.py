"""Machines with network cards: saved, restored and multiplied; what is refused."""

from __future__ import annotations

import passt_here
import pytest

from vmm import ConfigError, Machine
from vmm.control import guest_run

needs_passt = pytest.mark.skipif(bool(passt_here.why_not()), reason=passt_here.why_not())


def machine(**fields) -> Machine:
    return Machine(guest_run.config_of("virtio-rng"), **fields)


@needs_passt
def test_a_snapshot_has_the_card_and_its_address(tmp_path):
    path = str(tmp_path / "saved")
    with machine(networks=("user,seed=one",)) as first:
        mac = first.device("virtio-net0").device.config[:6]
        first.snapshot(path)
    with Machine.restore(path) as again:
        assert again.device("virtio-net0").device.config[:6] == mac
    with Machine.restore(path, networks=("none",)) as elsewhere:
        card = elsewhere.device("virtio-net0").device
        assert (card.config[:6], card.is_up) == (mac, False)


@needs_passt
def test_a_child_has_the_card_and_no_cable():
    with machine(networks=("user,forward=127.0.0.1/18081:80",)) as master, master.fork() as child:
        assert child.config.networks == ("none",)
        ours, theirs = (each.device("virtio-net0").device for each in (master, child))
        assert ours.config[:6] == theirs.config[:6]
        assert (ours.is_up, theirs.is_up) == (True, False)
        assert child.run(deadline=10).kind == "debug-exit"


def test_limits_are_for_disks_and_cards():
    with machine(networks=("none",), disks=(bytes(4096),)) as limited:
        limited.limit("virtio-net0", bandwidth=1000, burst=2.0)
        limited.limit("virtio-blk0", operations=5)
        limited.limit("virtio-blk0")
        with pytest.raises(ConfigError, match="neither a virtio disk nor a network card"):
            limited.limit("virtio-rng", operations=1)
        with pytest.raises(ConfigError, match="0 or more"):
            limited.limit("virtio-net0", operations=-1)


@pytest.mark.parametrize("networks", [("bogus",), "user", (5,)])
def test_networks_that_cannot_be_are_refused(networks):
    with pytest.raises(ConfigError, match="networks"):
        machine(networks=networks)
