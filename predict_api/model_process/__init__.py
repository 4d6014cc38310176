"""The model process: it loads one large version for all workers of an instance, and forks a scorer for each worker.

It checks the hash of the buffer that it loads, as a worker does.
"""
