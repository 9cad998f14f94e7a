"""The host's KVM under examination: facts, tiny guests, speed, and what all that means for a user."""
