"""The POST port: what firmware wrote, and when."""

from __future__ import annotations

import pytest

from vmm.devices.post import CODES_KEPT, Post
from vmm.errors import SnapshotError
from vmm.state import State


class Clock:
    def __init__(self) -> None:
        self.time = 0

    def __call__(self) -> int:
        self.time += 10
        return self.time


def test_codes_are_recorded_with_guest_time() -> None:
    post = Post(Clock())
    post.write(0, 1, 0x11)
    post.write(0, 1, 0xAA)
    assert post.codes == ((10, 0x11), (20, 0xAA))


def test_a_read_gives_the_last_code() -> None:
    post = Post(Clock())
    assert post.read(0, 1) == 0
    post.write(0, 1, 0x11)
    post.write(0, 2, 0x1234)
    assert (post.read(0, 2), post.read(0, 1)) == (0x1234, 0x34)
    assert post.read(1, 1) == 0xFF


def test_a_guest_that_writes_for_ever_leaves_the_last_codes_only() -> None:
    post = Post(Clock())
    for value in range(10_000):
        post.write(0, 1, value & 0xFF)
    assert len(post.codes) == CODES_KEPT
    assert post.codes[-1] == (100_000, 9_999 & 0xFF)


def test_codes_survive_a_snapshot_and_not_a_reset() -> None:
    post, restored = Post(Clock()), Post(Clock())
    post.write(0, 1, 0x42)
    restored.load(post.save())
    assert restored.codes == post.codes == ((10, 0x42),)
    post.reset()
    assert not post.codes
    assert post.read(0, 1) == 0
    assert restored.codes


@pytest.mark.parametrize("codes", [None, [[1]], [[1, -1]], [["a", 1]], [[1, 2]] * (CODES_KEPT + 1)])
def test_a_state_that_is_no_list_of_codes_is_refused(codes: object) -> None:
    post = Post(Clock())
    post.write(0, 1, 1)
    with pytest.raises(SnapshotError, match="codes"):
        post.load(State("vmm.post", 1, {"codes": codes}))
    assert post.codes == ((10, 1),)
