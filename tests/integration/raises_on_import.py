"""A module whose import fails by an error of its own."""

raise RuntimeError("the module of a test")
