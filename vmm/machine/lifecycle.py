"""The states of a machine and the moves between them: a table, and nothing is legal that is not in it."""

from __future__ import annotations

from ..errors import StateError

CREATED, RUNNING, PAUSED, ENDED, CLOSED = "created", "running", "paused", "ended", "closed"

MOVES = {
    (CREATED, "run"): RUNNING,
    (PAUSED, "run"): RUNNING,
    (RUNNING, "pause"): PAUSED,
    (RUNNING, "end"): ENDED,
    (CREATED, "give away"): ENDED,
    (PAUSED, "give away"): ENDED,
    (CREATED, "put back"): CREATED,
    (PAUSED, "put back"): PAUSED,
    (ENDED, "put back"): PAUSED,
    (CREATED, "close"): CLOSED,
    (PAUSED, "close"): CLOSED,
    (ENDED, "close"): CLOSED,
    (CLOSED, "close"): CLOSED,
}


def move(state: str, wanted: str) -> str:
    """The state after `wanted`; StateError with both when that is no legal move."""
    try:
        return MOVES[state, wanted]
    except KeyError:
        raise StateError(wanted, state) from None
