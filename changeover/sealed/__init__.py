"""Seals: signatures of the registry over manifests and ledger entries, their keys and their verification."""
