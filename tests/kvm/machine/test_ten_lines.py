"""What a newcomer types first."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from vmm import Device, Machine, MachineConfig

# mov $0x3f8, %dx; then mov $character, %al; out %al, (%dx) for each; hlt
HELLO = b"\xba\xf8\x03" + b"".join(b"\xb0%c\xee" % character for character in b"Hello") + b"\xf4"

C_GUEST = """
static void out(unsigned short port, unsigned char value) { asm volatile("outb %0, %1" :: "a"(value), "Nd"(port)); }
int numbers[4] = {1, 2, 3, 4};
int cleared[1000];
void _start(void)
{
    int sum = cleared[999];
    for (int at = 0; at < 4; at++)
        sum += numbers[at];
    for (const char *text = "sum "; *text; text++)
        out(0x3f8, *text);
    out(0x3f8, '0' + sum / 10);
    out(0x3f8, '0' + sum % 10);
    out(0xf4, sum);
    for (;;)
        asm("hlt");
}
"""


def test_bytes_of_real_mode_code_say_hello():
    with Machine(image=HELLO) as machine:
        outcome = machine.run(deadline=5.0)
        assert outcome.kind == "halted"
        assert machine.console_output == b"Hello"
        assert machine.exits["io.out[0x3f8]"].count == 5


def test_an_image_can_be_a_path(tmp_path):
    path = tmp_path / "hello.bin"
    path.write_bytes(HELLO)
    with Machine(image=str(path), memory="1M") as machine:
        assert machine.run(deadline=5.0).kind == "halted"
        assert machine.console_output == b"Hello"


def test_a_config_can_be_kept_and_used_again():
    config = MachineConfig(image=HELLO, memory=1 << 20)
    outputs = []
    for irqchip in ("user", "kernel", "split", "none"):
        with Machine(config, irqchip=irqchip) as machine:
            machine.run(deadline=5.0)
            outputs.append(machine.console_output)
    assert outputs == [b"Hello"] * 4


@pytest.mark.parametrize("bits", [32, 64])
def test_a_c_program_runs_and_its_symbols_name_the_hot_spots(bits, tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is needed")
    source, image = tmp_path / "guest.c", tmp_path / "guest.elf"
    source.write_text(C_GUEST)
    flags = ["-nostdlib", "-static", "-ffreestanding", "-fno-pie", "-no-pie", "-fno-stack-protector", "-O1", "-mno-sse"]
    flags += ["-fcf-protection=none", "-mno-red-zone", "-Wl,-Ttext=0x100000", "-Wl,--build-id=none", f"-m{bits}"]
    built = subprocess.run(["gcc", *flags, "-o", image, source], capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"gcc cannot build for {bits} bits here: {built.stderr.strip()[:200]}")
    with Machine(image=str(image)) as machine:
        outcome = machine.run(deadline=5.0)
        assert (outcome.kind, outcome.value) == ("debug-exit", 10)
        assert machine.console_output == b"sum 10"
        assert all(hot.symbol.split("+")[0] in ("_start", "out") for hot in machine.exits.by_rip())
        assert machine.special_registers()["efer"] >> 10 & 1 == (bits == 64)


def test_a_device_in_python_answers_and_listens():
    class Doubler(Device):
        def __init__(self):
            self.number = 0

        def read(self, offset, size):
            return 2 * self.number

        def write(self, offset, size, value):
            self.number = value

    # mov $0x500, %dx; mov $21, %al; out %al, (%dx); in (%dx), %al; out %al, $0xf4
    with Machine(image=b"\xba\x00\x05\xb0\x15\xee\xec\xe6\xf4") as machine:
        machine.ports.claim(0x500, 1, Doubler())
        assert machine.run(deadline=5.0).value == 42


def test_memory_can_be_prepared_and_read(guest):
    with guest("mov 0x3000, %ax \n add $1, %ax \n mov %ax, 0x3002 \n hlt") as machine:
        machine.memory.write_int(0x3000, 2, 0x1234)
        machine.run(deadline=5.0)
        assert machine.memory.read_int(0x3002, 2) == 0x1235
