"""The way of a prediction request: read, score, render."""
