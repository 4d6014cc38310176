"""Checks of the state that an artifact gave its objects: made once, after loading and before any of them is called."""
