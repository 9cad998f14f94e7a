from __future__ import annotations

import pytest

from vmm.errors import StateError
from vmm.machine.lifecycle import CLOSED, CREATED, ENDED, MOVES, PAUSED, RUNNING, move

STATES = (CREATED, RUNNING, PAUSED, ENDED, CLOSED)
COMMANDS = sorted({command for _, command in MOVES})


def test_a_life_from_begin_to_end():
    state = CREATED
    for command, after in (("run", RUNNING), ("pause", PAUSED), ("run", RUNNING), ("end", ENDED), ("close", CLOSED)):
        state = move(state, command)
        assert state == after
    assert move(CLOSED, "close") == CLOSED


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_not_in_the_table_is_refused_with_both_words(state, command):
    if (state, command) in MOVES:
        assert move(state, command) in STATES
    else:
        with pytest.raises(StateError, match=f"cannot {command}: the machine is {state}") as caught:
            move(state, command)
        assert (caught.value.wanted, caught.value.found) == (command, state)


def test_an_ended_guest_does_not_run_again():
    assert (ENDED, "run") not in MOVES
    assert (CLOSED, "run") not in MOVES
