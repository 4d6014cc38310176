"""A module whose import raises an error of its own."""

raise RuntimeError("the module of a test")
