"""What goes to a guest beside its image: the command line, modules from files, and the map of its memory."""

from __future__ import annotations

from ...errors import ConfigError
from ...units import format_size
from .. import layout
from .image import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...boot.loader import BootParams
    from ..config import MachineConfig


def with_extras(params: BootParams, config: MachineConfig) -> BootParams:
    """`params` and what the config adds. ConfigError names the module that cannot be read or is larger than memory."""
    modules = tuple((_content(words, at, config.memory), words) for at, words in enumerate(config.modules))
    return params.replace(
        command_line=config.command_line, modules=modules, memory_map=layout.memory_map(config.memory)
    )


def _content(words: str, at: int, memory: int) -> bytes:
    path = words.split(" ")[0]
    field = f"modules[{at}]"
    try:
        with open(path, "rb") as file:
            content = file.read(CHUNK)
            while len(content) <= memory and (more := file.read(CHUNK)):
                content += more
    except (OSError, ValueError) as error:
        raise ConfigError.of(field, f"cannot read {path!r}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > memory:
        raise ConfigError.of(field, f"{path} is larger than the {format_size(memory)} of memory")
    return content
