"""Checks of an artifact's object state, made after loading and before any method is called."""
