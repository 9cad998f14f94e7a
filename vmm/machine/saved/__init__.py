"""A machine as a value: taken from one that stands still, put back into it or into another of the same config."""
