"""Which pages were written: by the guest, by the user, through a view, and by nobody; and pages put back."""

from __future__ import annotations

from vmm.engine.kvm_pages import template_of

WRITER = """
    mov $0x2000, %ax
    mov %ax, %ds
    movb $1, 0x0
    movb $2, 0x5fff
    out %al, $0xf4
"""


def test_the_guest_s_writes_are_logged_once(guest):
    machine = guest(WRITER)
    log = machine._engine.log_writes(machine.memory)
    assert log.pages() == [[]]
    machine.run()
    written = set(log.pages()[0])
    assert {0x20, 0x25} <= written <= {0x20, 0x25, 1}  # some kernels count the page of the code, mapped for writing too
    assert log.pages() == [[]]


def test_our_writes_are_logged_and_views_always_count(guest):
    machine = guest(WRITER)
    log = machine._engine.log_writes(machine.memory)
    machine.memory.write(0x2FFF, b"ab")
    machine.memory.fill(0x10_0000, 0x1001, 7)
    assert log.pages() == [[2, 3, 0x100, 0x101]]
    machine.memory.view(0x5000, 1).release()
    assert log.pages() == log.pages() == [[5]]


def test_pages_put_back_are_the_template_s(guest):
    machine = guest(WRITER)
    machine.memory.write(0x20000, b"before")
    template = template_of(machine.memory)
    log = machine._engine.log_writes(machine.memory)
    machine.run()
    machine.memory.write(0x7000, b"mine")
    assert machine.memory.read(0x20000, 6) == b"\1efore"
    assert log.put_back(template) in (3, 4)  # see above
    assert (machine.memory.read(0x20000, 6), machine.memory.read(0x7000, 4)) == (b"before", bytes(4))
    assert machine.memory.read(0x25FFF, 1) == b"\0"
    assert log.put_back(template) == 0
