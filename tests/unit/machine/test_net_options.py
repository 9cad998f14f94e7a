"""What a user writes of a network."""

from __future__ import annotations

import pytest

from vmm.errors import ConfigError
from vmm.machine.disk_options import parse_disk
from vmm.machine.net_options import derived_mac, parse_net, without_network


def test_all_words():
    options = parse_net("user,forward=8080:80,forward=127.0.0.1/53:53/udp,mac=52:54:00:aB:00:01")
    assert (options.tcp, options.udp) == (("8080:80",), ("127.0.0.1/53:53",))
    assert options.mac == bytes.fromhex("525400ab0001")
    options = parse_net("tap=tap0,queues=4,seed=web")
    assert (options.tap, options.queues, options.seed, options.mac) == ("tap0", 4, "web", b"")


def test_an_address_from_a_seed_is_unicast_local_and_the_same_again():
    one, two = derived_mac("one"), derived_mac("two")
    assert one == derived_mac("one") != two
    assert one[0] & 3 == two[0] & 3 == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bridge", "is not user"), ("tap", "is not user"), ("user=tap0", "is not user"),
        ("tap=a/b", "no tap's name"), ("tap=averylongname000", "no tap's name"),
        ("user,forwrd=80", "did you mean forward"), ("tap=tap0,forward=80", "none of user"),
        ("user,forward=80:x", "a forward is"), ("user,forward=70000", "a forward is"),
        ("user,forward=/80", "a forward is"),
        ("user,queues=2", "has one"), ("tap=t,queues=0", "1 to 8"), ("user,mac=1:2:3:4:5:6", "MAC address"),
        ("user,mac=01:00:00:00:00:01", "first byte even"), ("user,seed=a,seed=b", "given twice"),
    ],
)  # fmt: skip
def test_refused(text, words):
    with pytest.raises(ConfigError, match=words):
        parse_net(text)


def test_limits_of_networks_and_disks():
    limits = parse_net("tap=t,bandwidth=1M,operations=5,burst=2s").limits
    assert (limits.bandwidth, limits.operations, limits.burst) == (1 << 20, 5, 2_000_000_000)
    assert parse_disk("a,b.img,operations=9,ro").limits.operations == 9
    for text, words in (
        ("user,bandwidth=x", "not a size"), ("user,operations=1.5", "a limit cannot be"),
        ("user,burst=1s", "goes with"), ("user,operations=-1", "0 or more"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=words):
            parse_net(text)
    assert parse_disk("a.vmdk,operations=9,overlay").limits.operations == 9
    with pytest.raises(ConfigError, match="is for raw disks"):
        parse_disk("a.vmdk,serial=9")


def test_a_child_has_the_card_and_not_the_cable():
    assert without_network("user,forward=80:80,mac=52:54:00:00:00:01") == "none,mac=52:54:00:00:00:01"
    assert parse_net(without_network("tap=t,queues=4")).queues == 4
