"""Artifacts that arrive without an HTTP publish: the drop zone, the pinned version, the decision at the start."""
