"""A run as one page of HTML: no other file, no network, readable without scripts, light and dark."""
