"""machine.trace: a guest whose exits are known gives exactly these events."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from vmm import ConfigError, Device, Machine, StateError
from vmm.control import guest_run

HELLO = "mov $0x3f8, %dx \n mov $0x41, %al \n out %al, (%dx) \n mov $10, %al \n out %al, (%dx) \n"
REST = "mov $0x3fd, %dx \n in (%dx), %al \n mov $0x42, %al \n out %al, $0x80 \n hlt"


def found(tracing, wanted: str = ""):
    return json.loads(tracing.to_json(wanted))["traceEvents"]


def without_signals(slices):
    """A host that is slow is interrupted to hand over what the guest has said."""
    kept = []
    for event in slices:
        if event["name"] == "guest" and kept and kept[-1]["name"] == "intr":
            kept.pop()  # the stretch before goes on
        else:
            kept.append(event)
    return kept


def test_known_exits_give_exactly_these_events(guest):
    machine = guest(HELLO + REST)
    tracing = machine.trace()
    machine.run(deadline=5.0)
    told = found(tracing)
    slices = without_signals([event for event in told if event["ph"] == "X"])
    assert [event["name"] for event in slices] == [
        "guest", "com1 out 0x3f8", "guest", "com1 out 0x3f8", "guest", "com1 in 0x3fd", "guest", "post out 0x80",
        "guest", *(["hlt"] if slices[-1]["name"] == "hlt" else []),
    ]  # fmt: skip
    assert [event["args"]["value"] for event in slices[1:8:2]] == ["0x41", "0xa", "0x60", "0x42"]
    marks = {event["name"]: event for event in told if event["ph"] == "i"}
    assert marks["A"]["ts"] == slices[3]["ts"]
    assert marks["POST 0x42"]["ts"] == slices[7]["ts"]


def test_every_event_is_one_that_perfetto_takes(guest):
    machine = guest(HELLO + REST)
    tracing = machine.trace()
    machine.run(deadline=5.0)
    told = found(tracing)
    assert all({"ph", "ts", "pid", "tid", "name"} <= event.keys() for event in told)
    assert {event["ph"] for event in told} == {"M", "X", "i"}
    assert all(event["dur"] >= 0 for event in told if event["ph"] == "X")
    assert {event["tid"] for event in told if event["ph"] != "M"} <= {
        event["tid"] for event in told if event["ph"] == "M" and event["name"] == "thread_name"
    }
    slices = [event for event in told if event["ph"] == "X"]
    for one, next_one in pairwise(slices):
        assert one["ts"] + one["dur"] == pytest.approx(next_one["ts"], abs=0.002)


def test_the_ring_keeps_the_last_exits_and_counts_the_others(guest):
    machine = guest("mov $50, %cx \n 1: mov %cl, %al \n out %al, $0x80 \n loop 1b \n hlt")
    tracing = machine.trace(limit=4)
    machine.run(deadline=5.0)
    exits, lost = tracing.exits()
    assert [exit.value for exit in exits if exit.device == "post"] == [3, 2, 1]
    assert lost + len(exits) == machine.exit_count


def test_quiet_exits_are_on_it_too(guest):
    machine = guest("mov $0x3fd, %dx \n mov $9, %cx \n 1: in (%dx), %al \n loop 1b \n hlt")
    tracing = machine.trace()
    machine.run(deadline=5.0)
    assert machine.exits["io.in[0x3fd]"].quiet > 0
    assert [exit.value for exit in tracing.exits()[0] if exit.device == "com1"] == [0x60] * 9


def test_a_trigger_ends_the_trace_soon_after_its_words(guest):
    machine = guest("mov $5, %al \n out %al, $0x80 \n" + HELLO + "mov $99, %cx \n 1: out %al, $0x80 \n loop 1b \n hlt")
    tracing = machine.trace(trigger="A\n", after=3)
    machine.run(deadline=5.0)
    exits, _ = tracing.exits()
    assert tracing.triggered
    assert exits[0].value == 5
    assert 3 <= len([exit for exit in exits if exit.device == "post"]) <= 5


COUNTDOWN = (
    "mov $50, %cx \n 1: mov %cl, %al \n out %al, $0x80 \n cmp $40, %cl \n jne 2f \n in $0x61, %al \n 2: loop 1b \n"
)
"""POST codes from 50 to 1, and a read of port 0x61 behind the 40."""


@pytest.mark.parametrize("words", ["port=0x60-0x61", "device=port61", "direction=in", "port=0x61,direction=in"])
def test_a_place_ends_the_trace_as_well(guest, words):
    machine = guest(COUNTDOWN + "hlt")
    tracing = machine.trace(at=words, after=2)
    machine.run(deadline=5.0)
    exits, lost = tracing.exits()
    assert tracing.triggered
    assert lost == 0
    posts = [exit.value for exit in exits if exit.device == "post"]
    assert posts == [*range(50, 40, -1), 40, 39, 38]


def test_a_place_may_be_an_instruction(guest):
    machine = guest(COUNTDOWN + "out %al, $0x99 \n hlt")
    before = machine.trace()
    machine.run(deadline=5.0)
    rip = next(exit.rip for exit in before.exits()[0] if exit.address == 0x99)
    again = guest(COUNTDOWN + "out %al, $0x99 \n hlt")
    tracing = again.trace(at=f"rip={rip:#x}", after=0)
    again.run(deadline=5.0)
    exits, _ = tracing.exits()
    assert exits[-1].address == 0x99
    assert again.exit_count > len(exits)


def test_what_is_not_met_does_not_end_it(guest):
    machine = guest(COUNTDOWN + "hlt")
    tracing = machine.trace(at="port=0x61,direction=out", after=0)
    machine.run(deadline=5.0)
    assert not tracing.triggered
    assert len(tracing.exits()[0]) == machine.exit_count


def test_one_vcpu_ends_the_trace_of_the_other(guest):
    text = "test %bx, %bx \n jnz 3f \n 1: out %al, $0x80 \n in $0x62, %al \n test %al, %al \n jnz 1b \n hlt \n"
    machine = guest(text + "3: mov $9, %cx \n 4: in $0x99, %al \n loop 4b \n cli \n hlt", vcpus=2, irqchip="none")
    machine.ports.claim(0x62, 1, Countdown(3000))
    tracing = machine.trace(at="port=0x99", after=5)
    machine.run(deadline=10.0)
    exits, _ = tracing.exits()
    assert len([exit for exit in exits if exit.address == 0x99]) == 6
    assert len([exit for exit in exits if exit.vcpu == 0]) < 5000


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (",", "every exit is meant"),
        ("device=con1", "no device 'con1', did you mean com1?"),
        ("device=i8042,port=0x3f8", "holds no address"),
        ("rip=" + ",rip=".join(map(str, range(40))), "80 ranges, of 32 at most"),
    ],
)
def test_a_place_that_cannot_be_met_is_refused(guest, words, fault):
    with pytest.raises(ConfigError, match=fault):
        guest("hlt").trace(at=words)


class Countdown(Device):
    """Reads as 1, and as 0 after so many reads."""

    def __init__(self, reads: int) -> None:
        self.left = reads

    def read(self, offset: int, size: int) -> int:
        self.left -= 1
        return int(self.left > 0)


def test_an_interrupt_line_and_its_vector_are_marked(guest):
    ticks = "mov $0x34, %al \n out %al, $0x43 \n xor %al, %al \n out %al, $0x40 \n out %al, $0x40 \n"
    vector = "movw $handler, 0x20 \n movw $0, 0x22 \n"
    pic = "mov $0x11, %al \n out %al, $0x20 \n mov $8, %al \n out %al, $0x21 \n mov $4, %al \n out %al, $0x21 \n"
    pic += "mov $1, %al \n out %al, $0x21 \n mov $0xfe, %al \n out %al, $0x21 \n"
    machine = guest("cli \n" + vector + pic + ticks + "sti \n hlt \n jmp . \n handler: cli \n hlt", irqchip="user")
    tracing = machine.trace()
    machine.run(deadline=5.0)
    names = [event["name"] for event in found(tracing) if event["ph"] == "i"]
    assert "GSI 0 up" in names
    assert "inject vector 0x8" in names


def test_a_trace_begins_before_the_run_and_once(guest):
    machine = guest("hlt")
    with pytest.raises(ConfigError):
        machine.trace(limit=0)
    machine.run(deadline=5.0)
    with pytest.raises(StateError):
        machine.trace()


def test_a_hook_may_come_with_a_filter(guest):
    machine = guest(HELLO + REST)
    seen = []
    machine.on_exit("device=com1,direction=out", lambda *access: seen.append(access[3]))
    machine.run(deadline=5.0)
    assert seen == [0x41, 10]


def test_each_vcpu_has_a_track_of_its_own(guest):
    machine = guest("mov $7, %al \n out %al, $0x80 \n cli \n hlt", vcpus=2, irqchip="none")
    tracing = machine.trace()
    machine.run(deadline=5.0)
    told = found(tracing, "device=post")
    assert {event["args"]["name"] for event in told if event["name"] == "thread_name"} == {
        "vCPU 0", "vCPU 1", "POST codes",
    }  # fmt: skip
    assert sorted(event["tid"] for event in told if event["name"] == "post out 0x80") == [1, 2]


def test_text_without_end_is_bounded(guest, monkeypatch):
    monkeypatch.setattr("vmm.machine.tracing.TEXT", 100)
    machine = guest("mov $0x3f8, %dx \n mov $0x41, %al \n 1: mov $500, %cx \n 2: out %al, (%dx) \n loop 2b \n hlt")
    tracing = machine.trace()
    machine.run(deadline=5.0)
    assert len(machine.console_output) == 500
    assert (
        sum(len(event["name"]) for event in found(tracing) if event["ph"] == "i" and event["cat"] == "com1") <= 100 + 7
    )


def requests_of(name: str, wanted: str = "", **fields) -> list[tuple[str, int, int]]:
    """(name, bytes, bytes filled) of each request on the timeline of a guest that comes with vmm."""
    with Machine(guest_run.config_of(name), **fields) as machine:
        tracing = machine.trace()
        assert machine.run(deadline=20).kind == "debug-exit"
        slices = [event for event in found(tracing, wanted) if event.get("cat") == "virtio"]
        assert all(0 < event["ts"] <= event["ts"] + event["dur"] < 20e6 for event in slices)
        return [(event["name"], event["args"]["bytes"], event["args"]["written"]) for event in slices]


@pytest.mark.parametrize("irqchip", ["user", "kernel"])
def test_requests_of_virtio_devices_are_slices(irqchip):
    said = requests_of("virtio-blk", irqchip=irqchip)
    assert said[:3] == [
        ("virtio-blk0 write", 16 + 2048 + 1, 1), ("virtio-blk0 flush", 16 + 1, 1), ("virtio-blk0 read", 16 + 2049, 2049)
    ]  # fmt: skip
    assert {name for name, _, _ in said} >= {"virtio-blk0 id", "virtio-blk0 zero", "virtio-blk0 discard"}


def test_requests_are_chosen_by_their_device():
    both = requests_of("virtio-busy")
    assert {name for name, _, _ in both} == {"virtio-blk0 read", "virtio-blk0 write", "virtio-rng in"}
    assert {name for name, _, _ in requests_of("virtio-busy", "device=virtio-rng")} == {"virtio-rng in"}
    assert requests_of("virtio-busy", "device=com1") == []
