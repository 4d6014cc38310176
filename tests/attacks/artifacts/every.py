"""All attack artifacts."""

from tests.attacks.artifacts import answers, code, endless, files, large, memory

ATTACKS = (*files.ATTACKS, *code.ATTACKS, *memory.ATTACKS, *endless.ATTACKS, *large.ATTACKS, *answers.ATTACKS)
