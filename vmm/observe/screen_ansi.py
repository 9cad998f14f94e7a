"""A text screen for a terminal: its rows with ISO 6429 colours, in the terminal's own palette.

Blinking is left to the terminal. Source: ECMA-48 (select graphic rendition), and the 90 and 100 that aixterm added.
"""

from __future__ import annotations

from .cp437 import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .screen import Screen

RESET = "\x1b[0m"
_ORDER = (0, 4, 2, 6, 1, 5, 3, 7)
"""The terminal's number of each colour: it counts red as 1 and blue as 4, a PC the other way round."""


def rendition(screen: Screen, attribute: int) -> str:
    """The control sequence that begins text of this attribute, whatever came before."""
    colours = screen.colours(attribute)
    foreground = (90 if colours.foreground & 8 else 30) + _ORDER[colours.foreground & 7]
    background = (100 if colours.background & 8 else 40) + _ORDER[colours.background & 7]
    return f"\x1b[0;{'5;' if colours.blinks else ''}{foreground};{background}m"


def render(screen: Screen) -> str:
    """The rows down to the last with something on it, each with a line end; "" for a blank screen."""
    rows = len(screen.text.splitlines())
    return "".join(f"{_row(screen, row)}{RESET}\n" for row in range(rows))


def _row(screen: Screen, row: int) -> str:
    return "".join(f"{rendition(screen, attribute)}{to_text(codes)}" for _, codes, attribute in screen.runs(row))
