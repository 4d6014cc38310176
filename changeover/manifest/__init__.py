"""The manifest of a version, and the comparison of two versions."""
