"""`python -m vmm`: the same as the command `vmm`."""

from .start import command

command()
