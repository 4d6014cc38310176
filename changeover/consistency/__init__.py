"""Recorded histories of requests and rollouts, checked against the guarantees."""
