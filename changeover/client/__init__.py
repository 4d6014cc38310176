"""The Python client: publish, roll and predict from a notebook or a program."""
