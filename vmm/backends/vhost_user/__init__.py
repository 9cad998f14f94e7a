"""Devices that another process serves: vhost-user, seen from the VMM."""
