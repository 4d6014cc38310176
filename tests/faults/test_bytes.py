"""Damaged bytes, one bit at a time."""

import random

import pytest

from changeover import digest
from changeover.exceptions import DigestMismatch
from tests.tiny_models import tiny


def test_a_flipped_bit_is_never_loaded() -> None:
    """Fault 6: the hash shows the flip, wherever the bit is, before anything is unpickled."""
    buffer, _ = tiny(1)
    version = digest.sha256(buffer)
    for seed in range(400):
        damaged = bytearray(buffer)
        generator = random.Random(seed)
        damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        with pytest.raises(DigestMismatch):
            digest.verify(bytes(damaged), version)
