"""Drift in model_server: the sums of all replicas, by minute and by hour, and reports about them."""
