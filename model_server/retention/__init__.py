"""Retention: the removal of the bytes of old versions, and what keeps a version from it."""
