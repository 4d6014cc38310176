"""The model runner: the confined processes in which a model's own code runs.

A zygote has imported the libraries of an environment, and forks runners. A runner gives up its rights, then reads one
artifact, and forks scorers. The services use `model_runner/pool/` and nothing else of this package.
"""
