"""Drift of a model's inputs and answers: a reference with fixed bins, counts in these bins, and their comparison."""
