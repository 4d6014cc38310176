"""The internal service: it owns versions, current and the ledger."""
