"""What can be typed on a guest's keyboard."""

from __future__ import annotations


def check(text: str) -> None:
    """ConfigError when a US keyboard has no key for some of it."""
    from ...devices.keymap import codes_for

    codes_for(text)
