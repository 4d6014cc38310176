"""The pipeline of a prediction request: read, score, render."""
