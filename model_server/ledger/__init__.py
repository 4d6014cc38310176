"""The ledger of rollouts, and the takeover at a restart."""
