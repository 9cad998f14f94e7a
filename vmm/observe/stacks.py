"""Folded stacks as files that other tools read: collapsed text (flamegraph.pl, inferno) and speedscope's JSON.

A folded stack is a tuple of names, outermost first, with a number of exits.
Source: speedscope's file-format-schema.json, "sampled" profiles.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Stacks = Mapping[tuple[str, ...], int]


def collapsed(stacks: Stacks) -> str:
    """Lines of "outer;inner;innermost COUNT", in alphabetical order."""
    lines = (f"{';'.join(name.replace(';', ':') for name in stack)} {count}\n" for stack, count in stacks.items())
    return "".join(sorted(" ".join(line.split()) + "\n" for line in lines))


def speedscope(stacks: Stacks, name: str) -> dict[str, Any]:
    """A document for https://www.speedscope.app, where `name` is its title; weights are exits."""
    frames: dict[str, int] = {}
    samples, weights = [], []
    for stack, count in sorted(stacks.items()):
        samples.append([frames.setdefault(frame, len(frames)) for frame in stack])
        weights.append(count)
    profile = {
        "type": "sampled",
        "name": name,
        "unit": "none",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }
    return {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": "vmm",
        "name": name,
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": frame} for frame in frames]},
        "profiles": [profile],
    }
