"""The command line: one file a verb, `main.py` lists them."""
