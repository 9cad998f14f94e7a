"""The plugin under test runs in pytest sessions of its own, in folders of their own."""

pytest_plugins = ["pytester"]
