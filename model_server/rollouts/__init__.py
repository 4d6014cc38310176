"""Rollouts: the current version of each model, the next one, and the replicas that are ready for it."""
