"""The probe of the confinement: `bootstrap.py model_runner.probe`.

It confines itself, and prints as JSON which measures hold on this system.
"""

import json
import os
import sys
from typing import Final

from model_runner.confinement.confine import Limits, confine
from model_runner.libraries import readable

_LIMITS: Final = Limits(1 << 40, 60)


def main() -> int:
    """Confine this process, without any library of models, and print the measures."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    measures, _ = confine(readable(), _LIMITS)
    json.dump(measures, output)
    output.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
