"""The command line: one file a command, listed by `main.py`."""
