from __future__ import annotations

import pytest

from vmm.errors import SnapshotError
from vmm.state import State


def test_a_state_that_fits_gives_its_fields():
    assert State("vmm.x", 2, {"a": 1}).expect("vmm.x", 2, ("a",)) == {"a": 1}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State("vmm.y", 1, {"a": 1}), "expected the state of vmm.x, found vmm.y"),
        (State("vmm.x", 2, {"a": 1}), "vmm.x: version 2 is not known here, version 1 is"),
        (State("vmm.x", 1, {}), r"missing \['a'\], unknown \[\]"),
        (State("vmm.x", 1, {"a": 1, "b": 2}), r"missing \[\], unknown \['b'\]"),
    ],
)
def test_a_state_that_does_not_fit_says_why(state, words):
    with pytest.raises(SnapshotError, match=words):
        state.expect("vmm.x", 1, ("a",))


def test_states_are_equal_by_content():
    assert State("vmm.x", 1, {"a": 1}) == State("vmm.x", 1, {"a": 1})
    assert State("vmm.x", 1, {"a": 1}) != State("vmm.x", 1, {"a": 2})
    assert State("vmm.x", 1, {}) != "vmm.x"
    assert repr(State("vmm.x", 1, {"a": 1})) == "State('vmm.x', 1, {'a': 1})"
