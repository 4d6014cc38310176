"""Scoring: the scorers of a version, and micro-batching."""
