"""Limits on what a disk or a network card does a second."""

from __future__ import annotations

import time

from ....bus.engine_link import EngineLost
from ....bus.rate_limit import RateLimit
from ....devices.virtio.external_block import ExternalBlock
from ....errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....bus.reactor import Reactor
    from ....devices.virtio.block import Block
    from ....devices.virtio.net import Net
    from ...limit_options import Limits


def set_limit(device: Block | Net | ExternalBlock, reactor: Reactor, limits: Limits) -> None:
    """From now on. Any thread; what the device has at hand may be done before. HostError for a device whose engine is
    gone."""
    if isinstance(device, ExternalBlock):
        try:
            device.set_limit(limits.bandwidth, limits.operations, limits.burst)
        except EngineLost as error:
            raise HostError(f"{device.name}: no limit: {error}") from None
        return
    limit = device.limit or RateLimit(time.monotonic_ns, reactor.call_at)
    limit.set(limits.bandwidth, limits.operations, limits.burst)
    device.limit = limit
