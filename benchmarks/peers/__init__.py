"""Changeover beside other ways to serve the same models: `python -m benchmarks.peers`, see README.md."""
