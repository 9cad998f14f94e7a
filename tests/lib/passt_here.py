"""Whether passt can run on this host."""

from __future__ import annotations

import shutil
from pathlib import Path


def why_not() -> str:
    """Why not; "" when it can."""
    if not shutil.which("passt"):
        return "needs passt: apt install passt"
    four = [line.split()[1] for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    six = Path("/proc/net/ipv6_route")
    has_six = six.exists() and any(
        line.startswith("0" * 32 + " 00 ") and not line.endswith(" lo") for line in six.read_text().splitlines()
    )
    return "" if "00000000" in four or has_six else "passt needs a default route, and this host has none"
