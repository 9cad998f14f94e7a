"""`vmm standby`: waits for a machine that is mirrored here, and goes on with it when its process dies."""

from __future__ import annotations

from . import run
from .restore import COMMAND as RESTORE
from .restore import MOVED_WITHOUT

COMMAND = RESTORE.replace(
    name="standby",
    summary="Follows a machine from elsewhere, and goes on with it should that die.",
    arguments="ADDRESS",
    options=tuple(option for option in RESTORE.options if option.names[0] not in MOVED_WITHOUT),
    notes="The machine is told by vmm migrate [PID|NAME] ADDRESS --standby. What it had\n"
    "said and done since the last look is not known here: that may come twice.",
)


def main(words: list[str]) -> int:
    """The command's exit code; 0 when the machine ended in order, elsewhere."""
    return run.main(words, COMMAND)
