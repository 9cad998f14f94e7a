"""A machine that moves: from one process to another over a socket, or ready there to take over."""
