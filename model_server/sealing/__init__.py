"""The seals in the bucket: written with each manifest and ledger entry, verified with each read."""
