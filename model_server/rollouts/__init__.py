"""Rollouts: which version is current, which will be, and which replicas are ready."""
