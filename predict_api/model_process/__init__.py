"""Large versions in memory once an instance: a holder process loads one, and forks what scores for each worker.

Carries the promise *safety* over a process boundary: the holder hashes the buffer that it loads, as a worker would.
"""
