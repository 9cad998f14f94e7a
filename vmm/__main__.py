"""`python -m vmm`: the same as the command `vmm`."""

from __future__ import annotations

import sys

from .control.cli import main

if __name__ == "__main__":
    sys.exit(main())
