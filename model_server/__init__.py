"""The model registry: an internal service that owns the versions, the current version of each model and the ledger."""
