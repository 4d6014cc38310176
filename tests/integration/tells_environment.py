"""A module whose import raises an error that shows the environment of the process."""

import os

raise RuntimeError(f"the environment of the check: {sorted(os.environ.items())}")
