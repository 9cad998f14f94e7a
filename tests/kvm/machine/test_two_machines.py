"""Several machines in one process: in turns, at once, and one inside a device of another."""

from __future__ import annotations

import threading

from vmm import Machine

COUNT = """
    mov $2000, %ecx
1:  mov %ecx, %eax
    out %ax, $0x50
    loop 1b
    mov {letter}, %al
    mov $0x3f8, %dx
    out %al, (%dx)
    hlt
"""


def counting(letter: str) -> str:
    return COUNT.format(letter=f"$0x{ord(letter):02x}")


def test_two_machines_in_turns_do_not_mix(guest, recorder):
    other = type(recorder)()
    first, second = guest(counting("a")), guest(counting("b"))
    first.ports.claim(0x50, 2, recorder, width=2)
    second.ports.claim(0x50, 2, other, width=2)
    alive = [first, second]
    while alive:
        alive = [machine for machine in alive if machine.run(deadline=0.003).kind == "deadline"]
    for machine, device, letter in ((first, recorder, b"a"), (second, other, b"b")):
        assert machine.console_output == letter
        assert [value for *_, value in device.accesses] == list(range(2000, 0, -1))
        assert machine.exits["io.out[0x50]"].count == 2000


def test_two_machines_on_two_threads_do_not_mix(guest, recorder):
    other = type(recorder)()
    first, second = guest(counting("a"), irqchip="user"), guest(counting("b"), irqchip="kernel")
    first.ports.claim(0x50, 2, recorder, width=2)
    second.ports.claim(0x50, 2, other, width=2)
    second.start(deadline=20.0)
    assert first.run(deadline=20.0).kind == "halted"
    assert second.wait(20.0).kind == "halted"
    assert (first.console_output, second.console_output) == (b"a", b"b")
    for device in (recorder, other):
        assert [value for *_, value in device.accesses] == list(range(2000, 0, -1))


def test_deadlines_of_machines_on_threads_are_their_own(guest):
    machines = [guest("1: jmp 1b") for _ in range(4)]
    outcomes: dict[int, str] = {}

    def work(number):
        outcomes[number] = machines[number].run(deadline=0.02 * (number + 1)).kind

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == dict.fromkeys(range(4), "deadline")
    for machine in machines:
        assert machine.run(deadline=0.005).kind == "deadline"


def test_a_device_may_run_a_machine_of_its_own(assemble, guest):
    class Coprocessor:
        def __init__(self):
            self.value = 0

        def write(self, offset, size, value):
            with Machine(image=assemble("add %al, %al \n out %al, $0xf4"), format="flat", memory=1 << 20) as inner:
                inner.set_registers(rax=value)
                self.value = inner.run(deadline=5.0).value

        def read(self, offset, size):
            return self.value

    machine = guest("mov $21, %al \n out %al, $0x50 \n in $0x50, %al \n out %al, $0xf4")
    machine.ports.claim(0x50, 1, Coprocessor())
    assert machine.run(deadline=5.0).value == 42


def test_the_outer_deadline_holds_after_an_inner_machine_ran(assemble, guest):
    class Nested:
        def read(self, offset, size):
            with Machine(image=assemble("1: jmp 1b"), format="flat", memory=1 << 20) as inner:
                inner.run(deadline=0.01)
            return 0

        def write(self, offset, size, value):
            pass

    machine = guest("in $0x50, %al \n 1: jmp 1b")
    machine.ports.claim(0x50, 1, Nested())
    assert machine.run(deadline=0.05).kind == "deadline"
