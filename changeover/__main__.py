"""The entry point of `python -m changeover`: the command line."""

from changeover.cli.main import main

main(prog_name="changeover")
