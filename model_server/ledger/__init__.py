"""The ledger of rollouts, and the takeover from the previous run at a start."""
