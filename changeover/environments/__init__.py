"""The environments of models: interpreters with the libraries that models were made with.

`changeover.environments.choice` finds the one for an artifact.
"""
