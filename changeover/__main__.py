"""`python -m changeover` is the command line."""

from changeover.cli.main import main

main(prog_name="changeover")
