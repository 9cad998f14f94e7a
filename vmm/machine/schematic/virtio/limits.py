"""Limits on what a disk or a network card does a second."""

from __future__ import annotations

import time

from ....bus.rate_limit import RateLimit
from ...limit_options import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....bus.reactor import Reactor
    from ....devices.virtio.block import Block
    from ....devices.virtio.net import Net


def set_limit(device: Block | Net, reactor: Reactor, limits: Limits) -> None:
    """From now on; `reactor` is the device's. Any thread; what the device has at hand may be done before."""
    limit = device.limit or RateLimit(time.monotonic_ns, reactor.call_at)
    limit.set(limits.bandwidth, limits.operations, limits.burst)
    device.limit = limit


def limits_of(device: Block | Net) -> Limits:
    """Those that were set last."""
    if device.limit is None:
        return Limits()
    bandwidth, operations, burst = device.limit.asked
    return Limits(bandwidth=bandwidth, operations=operations, burst=burst)
