"""The fuzzing harness: each input meets the guest as it stood at the start, and the ways to end are told apart."""

from __future__ import annotations

import random
import subprocess

import pytest

from vmm import ConfigError, Machine, StateError
from vmm.fuzz import Crash, Harness

INPUT, ROOM = 0x20_0000, 64
PARSER = f"""
    .globl _start, parse, crash, hang, parsed
_start:
    mov $0x300000, %rbx
    movq $7, (%rbx)
    jmp parse
parse:
    mov ${INPUT}, %rsi
    incq (%rbx)
    mov (%rbx), %rax
    cmp $8, %rax
    jne corrupt
    cmpb $'F', (%rsi)
    jne parsed
second:
    movb $1, 0x301000
    cmpb $'U', 1(%rsi)
    jne parsed
third:
    cmpb $'Z', 2(%rsi)
    je crash
    cmpb $'H', 2(%rsi)
    je hang
    cmpb $'X', 2(%rsi)
    jne parsed
    mov %rcx, %rax
    out %al, $0xf4
parsed:
    nop
    jmp parse
crash:
    ud2
hang:
    jmp hang
corrupt:
    mov $0xee, %al
    out %al, $0xf4
"""


@pytest.fixture(scope="module")
def parser(tmp_path_factory) -> str:
    place = tmp_path_factory.mktemp("parser")
    source, linked = place / "parser.o", place / "parser.elf"
    subprocess.run(["as", "--64", "-o", source, "-"], input=f".code64\n{PARSER}".encode(), check=True)
    subprocess.run(["ld", "-Ttext=0x100000", "-o", linked, source], check=True)
    return str(linked)


@pytest.fixture
def machine(parser):
    with Machine(image=parser, mode="long") as machine:
        yield machine


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split", "none"])
def test_ends_are_told_apart_and_none_leaves_a_trace(parser, irqchip):
    with Machine(image=parser, mode="long", irqchip=irqchip) as machine:
        end = machine.functions()["parsed"]
        harness = Harness(machine, input=INPUT, room=ROOM, start="parse", end="parsed", length="rcx", timeout=0.3)
        with harness:
            for _ in range(3):
                for data, kind, value in (
                    (b"FU", "breakpoint", end),
                    (b"FUZ", "shutdown", 0),
                    (b"FUX45", "debug-exit", 5),
                    (b"FUH", "deadline", 0),
                    (b"", "breakpoint", end),
                    (b"x" * 100, "breakpoint", end),
                ):
                    result = harness.run(data)
                    assert (result.kind, result.value) == (kind, value), (data, result)
                    assert result.is_crash == (kind in ("shutdown", "deadline"))
            assert harness.runs == 18
        assert machine.memory.read_int(0x30_0000, 8) == 7
        assert machine.registers()["rip"] == machine.functions()["parse"]


def test_the_length_may_stand_in_memory(machine):
    with Harness(machine, input=INPUT, room=ROOM, start="parse", length=0x30_2000) as harness:
        assert harness.run(b"FUX").kind == "debug-exit"
        assert harness._child.memory.read_int(0x30_2000, 8) == 0  # put back


def test_a_crash_is_an_exception_for_those_who_want_one(machine):
    with Harness(machine, input=INPUT, room=ROOM, start="parse", end=["parsed"]) as harness:
        harness(b"nothing")
        with pytest.raises(Crash, match="triple fault") as raised:
            harness(b"FUZ")
        assert raised.value.result.kind == "shutdown"


def test_watched_addresses_are_told_once(machine):
    watch = ["second", "third"]
    with Harness(machine, input=INPUT, room=ROOM, start="parse", end="parsed", watch=watch) as harness:
        places = machine.functions()
        assert harness.run(b"x").reached == ()
        assert harness.run(b"F").reached == (places["second"],)
        assert harness.run(b"F").reached == ()
        assert harness.run(b"FU").reached == (places["third"],)
        assert harness.run(b"FUx").reached == ()
        assert harness.reached == {places["second"], places["third"]}


def test_a_loop_that_steers_by_what_was_reached_finds_the_crash(machine):
    numbers, found = random.Random(1), None
    with Harness(machine, input=INPUT, room=ROOM, start="parse", end="parsed", watch="functions") as harness:
        seeds = [b"FFF"]
        for _ in range(6000):
            data = bytearray(numbers.choice(seeds))
            data[numbers.randrange(3)] = numbers.randrange(0x41, 0x5B)
            result = harness.run(bytes(data))
            if result.reached:
                seeds.append(bytes(data))
            if result.kind == "shutdown":
                found = bytes(data)
                break
    assert found == b"FUZ"


def test_wrong_requests_say_what_is_wrong(machine):
    with pytest.raises(ConfigError, match=r"no symbol 'parze'.*parse"):
        Harness(machine, input=INPUT, room=ROOM, start="parze")
    with pytest.raises(ConfigError, match="'rzz' is no register"):
        Harness(machine, input=INPUT, room=ROOM, length="rzz")
    with pytest.raises(ConfigError, match="not in the guest's RAM"), Harness(machine, input=1 << 40, room=ROOM):
        pass
    with pytest.raises(StateError, match="crash"):
        Harness(machine, input=INPUT, room=ROOM, start="crash", patience=0.2)
    with pytest.raises(StateError, match="outside of its with"):
        Harness(machine, input=INPUT, room=ROOM).run(b"")


def test_the_run_to_an_address_goes_on_from_there(machine):
    places = machine.functions()
    outcome = machine.run_to(places["parse"], places["second"], deadline=5.0)
    assert (outcome.kind, outcome.value) == ("breakpoint", places["parse"])
    assert machine.state == "paused"
    machine.memory.write(INPUT, b"FUX")
    machine.set_registers(rcx=0x77)
    assert machine.run(deadline=5.0).value == 0x77
