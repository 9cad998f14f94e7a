"""Limits on what a disk or a network card does a second."""

from __future__ import annotations

import time

from ....bus.engine_link import EngineLost
from ....bus.rate_limit import RateLimit
from ....devices.virtio.external_block import ExternalBlock
from ....errors import HostError
from ...limit_options import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....bus.reactor import Reactor
    from ....devices.virtio.block import Block
    from ....devices.virtio.net import Net


def set_limit(device: Block | Net | ExternalBlock, reactor: Reactor, limits: Limits) -> None:
    """From now on; `reactor` is the device's. Any thread; what the device has at hand may be done before. HostError for
    a device whose engine is gone."""
    if isinstance(device, ExternalBlock):
        try:
            device.set_limit(limits.bandwidth, limits.operations, limits.burst)
        except EngineLost as error:
            raise HostError(f"{device.name}: no limit: {error}") from None
        return
    limit = device.limit or RateLimit(time.monotonic_ns, reactor.call_at)
    limit.set(limits.bandwidth, limits.operations, limits.burst)
    device.limit = limit


def limits_of(device: Block | Net | ExternalBlock) -> Limits:
    """Those that were set last."""
    if isinstance(device, ExternalBlock):
        asked = device.asked_limit
    else:
        asked = None if device.limit is None else device.limit.asked
    if asked is None:
        return Limits()
    bandwidth, operations, burst = asked
    return Limits(bandwidth=bandwidth, operations=operations, burst=burst)
