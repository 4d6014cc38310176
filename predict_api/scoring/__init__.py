"""Scoring: the loading of a version, its scorers, and micro-batching."""
