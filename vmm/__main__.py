"""`python -m vmm`: the same as the command `vmm`."""

from .control.cli import command

command()
