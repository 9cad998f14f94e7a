"""What a user writes of a device's limits: "bandwidth=10M", "operations=500", "burst=2s"."""

from __future__ import annotations

from ..bus.rate_limit import BURST
from ..errors import ConfigError
from ..records import Record
from ..units import parse_duration, parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WORDS = ("bandwidth", "operations", "burst")
LONGEST_BURST = 3600 * 1_000_000_000


class Limits(Record):
    """A second's; 0 is no limit."""

    bandwidth: int = 0
    """Bytes."""
    operations: int = 0
    """Requests or frames."""
    burst: int = BURST
    """How many nanoseconds' worth may be saved up in a rest."""

    @property
    def are_any(self) -> bool:
        """Whether there is a limit."""
        return bool(self.bandwidth or self.operations)


def parse_limits(found: Mapping[str, str], field: str) -> Limits:
    """From the words of WORDS that are in `found`. ConfigError, with `field`, for a value that cannot be."""
    limits = changed_limits(Limits(), found, field)
    if "burst" in found and not limits.are_any:
        raise ConfigError.of(field, "a burst goes with bandwidth or operations")
    return limits


def changed_limits(limits: Limits, found: Mapping[str, str], field: str) -> Limits:
    """Those, with other values for the words that are in `found`. ConfigError as in parse_limits()."""
    kinds: dict[str, Callable[[str], int]] = {"bandwidth": parse_size, "operations": int, "burst": parse_duration}
    try:
        limits = limits.replace(**{word: kinds[word](found[word]) for word in WORDS if word in found})
    except ValueError as error:
        raise ConfigError.of(field, f"a limit cannot be: {error}") from None
    if limits.bandwidth < 0 or limits.operations < 0 or not 0 <= limits.burst <= LONGEST_BURST:
        raise ConfigError.of(field, "limits are 0 or more a second, a burst an hour at most")
    return limits
