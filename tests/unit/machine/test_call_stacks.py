"""The chain of frame pointers, through memory that may hold anything."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.machine.call_stacks import DEPTH, frames


class Stack:
    """Words from address 0x1000 on."""

    def __init__(self, words, word=8):
        self.data = b"".join(value.to_bytes(word, "little") for value in words)

    def read(self, gva, size):
        at = gva - 0x1000
        return self.data[at : at + size] if at >= 0 else b""


def test_return_addresses_follow_the_instruction_up_to_the_outermost_frame():
    stack = Stack([0x1018, 0xAA, 7, 0x1030, 0xBB, 7, 0, 0xCC])
    assert frames(stack.read, 0x99, 0x1000, 0x1000, 8) == (0x99, 0xAA, 0xBB, 0xCC)


def test_words_of_32_bits_are_read_as_such():
    assert frames(Stack([0x1008, 0xAA, 0, 0xBB], 4).read, 0x99, 0x1000, 0x1000, 4) == (0x99, 0xAA, 0xBB)


def test_a_chain_that_turns_back_or_leaves_memory_ends():
    assert frames(Stack([0x1000, 0xAA]).read, 0x99, 0x1000, 0x1000, 8) == (0x99, 0xAA)
    assert frames(Stack([0x9000, 0xAA]).read, 0x99, 0x1000, 0x1000, 8) == (0x99, 0xAA)
    assert frames(Stack([0, 0xAA]).read, 0x99, 0x1008, 0x1000, 8) == (0x99,), "below the stack pointer"
    assert frames(Stack([]).read, 0x99, 0, 0, 8) == (0x99,)


def test_a_chain_is_followed_to_its_bound():
    words = [word for at in range(100) for word in (0x1010 + 16 * at, 0xAA)]
    assert len(frames(Stack(words).read, 0x99, 0x1000, 0x1000, 8)) == DEPTH


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0x1000, 0x1100), max_size=30), st.integers(0, 2**64 - 1))
def test_whatever_memory_holds_it_ends(words, rbp):
    assert 1 <= len(frames(Stack(words).read, 1, 0, rbp, 8)) <= DEPTH
